"""Measure which lines of the receiver the tests run, in all processes that they start.

`python -m tests.coverage [pytest's options]` runs the tests that are not slow, or those that the options choose. It
prints the files with the lowest figures and the total, and ends with 2 where that is below the floor. It is a program
of its own, since measuring makes the tests take two thirds more of the processors' time.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

from tests.support.paths import ROOT

FLOOR: Final = 75
"""Percent of all lines: what the receivers came to that tests start, in part of a run, without pytest's own process."""

LOWEST: Final = 15
"""How many files are printed."""


def main(options: Sequence[str]) -> int:
    """Run the tests, and report; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        os.environ["COVERAGE_FOLDER"] = folder  # pyproject.toml names it; every process writes a file there
        measuring = {**os.environ, "COVERAGE_PROCESS_START": str(ROOT / "pyproject.toml")}
        tests = [sys.executable, "-m", "pytest", "-q", *(options or ("-m", "not slow"))]
        failed = subprocess.run(tests, cwd=ROOT, env=measuring, check=False).returncode
        coverage = [sys.executable, "-m", "coverage"]
        subprocess.run([*coverage, "combine", "--quiet"], cwd=ROOT, check=True)
        report = subprocess.run(
            [*coverage, "report", "--sort=cover", "--skip-covered", f"--fail-under={FLOOR}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        head, rule, *files = report.stdout.splitlines()
        print(head, rule, *files[:LOWEST], *files[-4:], sep="\n")
        return failed or report.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
