"""Throw-away virtual environments, in which tests run with other versions of Python or of the dependencies."""

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tests.conftest import PURE
from tests.support.paths import ROOT

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

_PURE_TOOLS: Final = frozenset(
    {"hypothesis", "jsonschema-rs", "pytest", "pytest-randomly", "pytest-timeout", "pytest-xdist", "trustme"}
)
"""What the tests of the tier `pure` import beside the dependencies."""

PURE_TESTS: Final = tuple(f"tests/{name}" for name in sorted(PURE))
"""Where the tests of the tier `pure` stand. With `pure_tools` alone the others cannot be imported."""


class InstallError(RuntimeError):
    """Packages cannot be installed; the message is pip's."""


class Environment:
    """A virtual environment.

    Args:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"

    def install(self, requirements: Iterable[str]) -> None:
        """Install packages by this process's pip, so that the environment needs none.

        Raises:
            InstallError: pip fails.
        """
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet"]
        ran = subprocess.run([*pip, *requirements], cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise InstallError(ran.stderr)

    def run_tests(self, *options: str) -> int:
        """Run pytest over this checkout, its output on this process's, and return its exit status."""
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(self.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


@contextmanager
def environment(python: str = sys.executable) -> Iterator[Environment]:
    """Make an environment for a Python, empty and without pip, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="receiver-environment-") as folder:
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
        yield Environment(Path(folder))


def requirements(*extras: str) -> list[Requirement]:
    """Return what the project needs, and what its extras need; an extra may name others of the project's."""
    found = [Requirement(text) for text in PROJECT["dependencies"]]
    waiting = list(extras)
    while waiting:
        for text in PROJECT["optional-dependencies"][waiting.pop()]:
            requirement = Requirement(text)
            if requirement.name == PROJECT["name"]:
                waiting += requirement.extras
            else:
                found.append(requirement)
    return found


def pure_tools() -> list[Requirement]:
    """Return what the tests of the tier `pure` need beside the dependencies."""
    return [one for one in requirements("test") if one.name in _PURE_TOOLS]
