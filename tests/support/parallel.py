"""What the pytest workers of one run agree on: which test runs alone, and what is built once for all of them."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Final

_VARIABLE: Final = "RECEIVER_TESTS_LOCKS"
"""Names the folder that the workers share."""


def make_shared_folder() -> None:
    """Make the folder that the workers share; to be called before they start, since they inherit the environment."""
    os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="receiver-tests-")


def remove_shared_folder() -> None:
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


def build_once(name: str, build: Callable[[Path], object]) -> Path:
    """Return a folder that the first worker builds, and that the others use as it is."""
    folder = Path(os.environ[_VARIABLE]) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = folder.with_suffix(".built")
        if not built.exists():
            folder.mkdir()
            build(folder)
            built.touch()
    return folder
