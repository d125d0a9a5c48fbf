"""Run a test alone: none of the other pytest workers runs one meanwhile."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Final

_VARIABLE: Final = "RECEIVER_TESTS_LOCKS"
"""Names the folder of the locks to the workers."""


def make_locks() -> None:
    """Make the locks; to be called before the workers start, which inherit the environment."""
    os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="receiver-tests-")


def remove_locks() -> None:
    rmtree(os.environ.pop(_VARIABLE))


@contextmanager
def alone_or_together(*, alone: bool) -> Iterator[None]:
    """Wait for the right to run a test, and hold it within the context.

    Tests that may run beside others hold `room` together, and one that must be alone holds it exclusively. While that
    waits for the tests that run now, it keeps `entrance`, so that no other begins before it.
    """
    folder = Path(os.environ[_VARIABLE])
    with (folder / "room").open("w") as room:
        with (folder / "entrance").open("w") as entrance:
            fcntl.flock(entrance, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
