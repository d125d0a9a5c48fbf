"""What a Procfile platform makes of the project, and the cage in which it runs it."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]

_PATIENT_HONCHO = "import honcho.manager as m, honcho.command as c; m.KILL_WAIT = 30; c.main()"
"""honcho kills after 5 s; platforms, whose part it plays, after 30."""


@dataclass(frozen=True)
class Slug:
    """The project's files and an environment of what `requirements.txt` names: the project isn't installed."""

    folder: Path

    @classmethod
    def build(cls, folder: Path) -> "Slug":
        """Build as a buildpack does; pip gets no leave to find more than the lock file names."""
        folder.chmod(0o755)  # whoever runs it may read it
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
        told = json.loads((self.folder / "app.json").read_text())["env"]
        values = {name: one["value"] for name, one in told.items() if "value" in one}
        return values | {name: secrets.token_hex(32) for name, one in told.items() if "generator" in one}


@dataclass(frozen=True)
class Cage:
    """A control group with a memory limit; what runs in it sees a file system that it can't write to."""

    group: Path

    def command(self, slug: Slug) -> tuple[str, ...]:
        """Start the slug's web process under a process manager, in the cage."""
        honcho = f'exec {sys.executable} -c "{_PATIENT_HONCHO}" start web'
        inside = f"mount -o remount,bind,ro / && cd {slug.folder} && {honcho}"
        return ("sh", "-c", f"echo $$ > {self.group}/cgroup.procs && exec unshare --mount sh -c '{inside}'")

    @property
    def is_closed(self) -> bool:
        """Whether something is in the cage, and all of it sees a root that can't be written to."""
        processes = self.processes()
        mounts = [Path(f"/proc/{process.pid}/mounts").read_text() for process in processes]
        return bool(mounts) and all(re.search(r"^\S+ / \S+ ro,", one, re.MULTILINE) for one in mounts)

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(int(pid)) for pid in (self.group / "cgroup.procs").read_text().split()]

    @property
    def killed_for_memory(self) -> int:
        return self._number("memory.oom_control", "memory.events", "oom_kill")

    @property
    def memory(self) -> int:
        """Bytes that the processes have for themselves, without what the kernel keeps of files."""
        return self._number("memory.stat", "memory.stat", "rss", "anon")

    def _number(self, file: str, file_of_v2: str, *names: str) -> int:
        path = self.group / file
        text = (path if path.exists() else self.group / file_of_v2).read_text()
        facts = dict(line.split(" ", 1) for line in text.splitlines())
        return int(next(facts[name] for name in names if name in facts))


@contextmanager
def cage(limit: int) -> Iterator[Cage]:
    """Make a cage, and end what still runs in it. Needs root, on Linux."""
    of_v1 = Path("/sys/fs/cgroup/memory")
    root, name = (of_v1, "limit_in_bytes") if of_v1.exists() else (of_v1.parent, "max")
    group = root / f"receiver-{secrets.token_hex(4)}"
    try:
        group.mkdir()
        (group / f"memory.{name}").write_text(str(limit))
    except OSError as error:
        pytest.skip(f"no control groups for us on this machine: {error}")
    made = Cage(group)
    try:
        yield made
    finally:
        for process in made.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _remove(group)


def _remove(group: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            group.rmdir()
        except OSError:  # the killed are not quite gone
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
