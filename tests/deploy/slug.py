"""What a Procfile platform builds of the project."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT


@dataclass(frozen=True)
class Slug:
    """The project's files and an environment of what `requirements.txt` names: the project isn't installed."""

    folder: Path

    @classmethod
    def build(cls, folder: Path) -> "Slug":
        """Build as a buildpack does; pip gets no leave to find more than the lock file names."""
        folder.chmod(0o755)  # any user may run it
        shutil.copytree(ROOT / "receiver", folder / "receiver", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Procfile", "app.json", "requirements.txt"):
            shutil.copy(ROOT / name, folder)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
        python, lock = str(folder / ".venv/bin/python"), str(folder / "requirements.txt")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "-qq"]
        subprocess.run([*pip, "--require-hashes", "--no-deps", "--no-compile", "-r", lock], check=True)
        return cls(folder)

    @property
    def path(self) -> str:
        return f"{self.folder / '.venv/bin'}:{os.environ['PATH']}"

    def line(self, process: str) -> str:
        """A line of the Procfile, to be run by a shell in the slug's folder."""
        lines = dict(line.split(": ", 1) for line in (self.folder / "Procfile").read_text().splitlines())
        return lines[process]

    def run(self, process: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.line(process),
            shell=True,
            cwd=self.folder,
            env={**environment, "PATH": self.path},
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """What `app.json` makes the platform set, generated secrets included."""
        variables = json.loads((self.folder / "app.json").read_text())["env"]
        values = {name: one["value"] for name, one in variables.items() if "value" in one}
        return values | {name: secrets.token_hex(32) for name, one in variables.items() if "generator" in one}
