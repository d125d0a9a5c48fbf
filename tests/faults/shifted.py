"""The receiver with a wall clock that a test sets: `python -m tests.faults.shifted <file with seconds> serve`."""

import sys
import time
from pathlib import Path

right_time = time.time
offset = Path(sys.argv.pop(1))


def shifted_time() -> float:
    return right_time() + float(offset.read_text())


time.time = shifted_time

from receiver.cli.main import main  # noqa: E402 - after the clock, which is looked up at import

if __name__ == "__main__":
    main()
