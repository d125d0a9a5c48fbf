"""Run the tests with each Python that the project supports and this machine has.

    python -m tests.pythons [--only 3.12]… [--tier pure|default]… [TEST]…

Looks for `python3.N` on PATH and among pyenv's versions. Each gets a throw-away virtual environment with everything
that the tests need.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from tests.support.environments import (
    PROJECT,
    PURE_TESTS,
    InstallError,
    environment,
    pure_tools,
    requirements,
)

SUPPORTED: Final = tuple(
    re.findall(r":: Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
)
"""Versions of Python, oldest first, by the classifiers in `pyproject.toml`."""

TIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "pure": ("-m", "pure", *PURE_TESTS),
    "default": ("-m", "not slow"),
}
"""Which tests a tier has, as arguments of pytest."""

_ABSENT: Final = "not on this machine"


def find(version: str) -> str | None:
    """Return the path of a Python of a version such as 3.12."""
    return next((path for path in _candidates(version) if _version_of(path) == version), None)


def _candidates(version: str) -> Iterator[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python3"), reverse=True))
    for folder in os.get_exec_path():
        if path := shutil.which(f"python{version}", path=folder):
            yield path


def _version_of(path: str) -> str | None:
    """Ask a Python for its version; pyenv's commands exist without the Python that they name."""
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    ran = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip() if ran.returncode == 0 else None


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(SUPPORTED), help="A version, in place of all.")
@click.option("--tier", "tiers", multiple=True, type=click.Choice(list(TIERS)), help="In place of both.")
@click.argument("tests", nargs=-1)
def main(only: tuple[str, ...], tiers: tuple[str, ...], tests: tuple[str, ...]) -> None:
    results = {version: run(version, tiers or tuple(TIERS), tests) for version in only or SUPPORTED}
    for version, result in results.items():
        click.echo(f"Python {version}: {result}")
    if any(result.startswith("failed") for result in results.values()) or set(results.values()) == {_ABSENT}:
        sys.exit(1)


def run(version: str, tiers: tuple[str, ...], tests: tuple[str, ...]) -> str:
    """Run tiers with a version of Python, and return the result in words."""
    python = find(version)
    if python is None:
        return _ABSENT
    began = time.monotonic()
    with environment(python) as place:
        click.echo(f"Python {version}: installing into an environment of {python}")
        try:
            if "default" in tiers:
                place.install(map(str, requirements("embedded", "test", "lint")))
                place.install(["--no-deps", "--editable", "."])  # tests start the command from other folders
            else:
                place.install(map(str, [*requirements("embedded"), *pure_tools()]))
        except InstallError as error:
            click.echo(error, err=True)
            return "failed: its packages cannot be installed"
        failed = [tier for tier in tiers if place.run_tests(*TIERS[tier][:2], *(tests or TIERS[tier][2:]))]
    took = f"{time.monotonic() - began:.0f} s"
    return f"failed: {', '.join(failed)}" if failed else f"passed: {', '.join(tiers)}, in {took}"


if __name__ == "__main__":
    main()
