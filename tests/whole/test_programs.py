"""Every program in the documents runs briefly: a figure that can't be measured again proves nothing."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from receiver.cli.main import main
from tests.support.documents import ALL_DOCUMENTS
from tests.support.paths import ROOT

NAMED = re.compile(r"python3? -m ((?:tests|receiver)[\w.]*)")

PROGRAMS: dict[str, tuple[str, str]] = {
    "receiver": ("--help", "Usage: "),
    "receiver.examples.invite": ("--help", "Invite PERSON"),
    "tests.benchmarks.callback": ("--only keep-1 --rounds 1 --seconds 1", "(b) receiver"),
    "tests.benchmarks.callback.profile": ("--load keep-1 --seconds 1 --most 5", "own"),
    "tests.benchmarks.flask_options": ("--rounds 1 --posts 2", "the receiver"),
    "tests.benchmarks.stall": ("{folder}/stall.png --share 0.15", "notifications a second were answered"),
    "tests.benchmarks.streams": ("20 20 20 --seconds 1", "20 notifications at 20/s, all answered 202"),
    "tests.dependencies": ("--only newest tests/graph/test_statuses.py", " passed in "),
    "tests.faults": ("--scale 0.1 scripts", "All found."),
    "tests.pythons": ("--only {python} --tier pure tests/graph/test_statuses.py", "passed: pure, in "),
    "tests.settings.settings_guide": ("--help", "Write the guide on settings"),
    "tests.fuzz.reader": ("{folder} -runs=100", "DONE"),
}
"""Options for a short run of each program, and a text that it prints."""


def commands(text: str) -> set[str]:
    return set(re.findall(r"`(?:\.venv/bin/)?(?:python -m )?receiver ([a-z]+)\b", text))


def names(paths: list[Path]) -> set[str]:
    return {name.rstrip(".") for path in paths for name in NAMED.findall(path.read_text())}


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    python = "{}.{}".format(*sys.version_info)
    options = PROGRAMS[program][0].format(folder=folder, python=python).split()
    return subprocess.run(
        [sys.executable, "-m", program, *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def lacks(program: str) -> str:
    """Return what a program needs and this machine lacks."""
    if program.startswith("tests.benchmarks.callback") and shutil.which("wrk") is None:
        return "wrk is not installed"
    if program.startswith("tests.benchmarks.callback") and len(os.sched_getaffinity(0)) == 1:
        return "it needs two cores"
    if program.endswith(".profile") and os.geteuid() != 0:
        return "it looks into another process, which only root may"
    if program == "tests.fuzz.reader" and importlib.util.find_spec("atheris") is None:
        return "atheris is not installed"
    return ""


def test_every_documented_program_is_run() -> None:
    assert names(ALL_DOCUMENTS) <= PROGRAMS.keys()


def test_every_documented_command_exists() -> None:
    named = set().union(*(commands(path.read_text()) for path in ALL_DOCUMENTS))
    assert {"serve", "demo", "check"} <= named
    assert named <= set(main.list_commands(None))  # type: ignore[arg-type]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_a_documented_program_runs(program: str, tmp_path: Path) -> None:
    if lacking := lacks(program):
        pytest.skip(lacking)
    ran = run(program, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert PROGRAMS[program][1] in ran.stdout + ran.stderr


@pytest.mark.skipif(importlib.util.find_spec("atheris") is not None, reason="atheris is installed")
def test_the_fuzzer_without_atheris_has_advice(tmp_path: Path) -> None:
    ran = run("tests.fuzz.reader", tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "This program needs the package atheris: pip install -e '.[fuzz]'\n"


@pytest.mark.parametrize("program", ["tests.benchmarks.streams", "tests.faults"])
def test_an_interrupted_program_prints_no_traceback(program: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    answer, _ = process.communicate(timeout=50)
    assert process.returncode == 1
    assert "Aborted!" in answer
    assert "Traceback" not in answer
