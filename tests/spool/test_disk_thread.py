"""A disk that hangs: no caller waits for it, and it is usable again when the work has ended."""

import threading
import time
from collections.abc import Callable

import pytest

from receiver.spool.disk_thread import DiskThread, T, run_inline
from receiver.spool.spool_database import SpoolError


def test_use_of_a_hanging_disk_fails_in_time() -> None:
    goes_on = threading.Event()

    def hang(work: Callable[[], T]) -> T:
        goes_on.wait(10)
        return run_inline(work)

    disk, done = DiskThread(hang, use_seconds=0.1), []
    began = time.monotonic()
    with pytest.raises(SpoolError, match="does not answer"):
        disk.use(lambda: done.append("late"))
    assert time.monotonic() - began < 2
    with pytest.raises(SpoolError, match="does not answer"):
        disk.use(lambda: done.append("never"))
    goes_on.set()
    disk.use(lambda: done.append("after"))
    assert done == ["late", "after"]


@pytest.mark.parametrize("error", [SpoolError("full"), ValueError("odd"), KeyError("bug")])
def test_error_of_the_work_is_raised_and_frees_the_disk(error: Exception) -> None:
    def fail() -> None:
        raise error

    disk = DiskThread(run_inline)
    for _ in range(2):
        with pytest.raises(type(error)):
            disk.use(fail)
    assert disk.use(lambda: 7) == 7


def test_closed_disk_is_not_used() -> None:
    disk, done = DiskThread(run_inline), []
    disk.close(lambda: done.append("last"))
    with pytest.raises(SpoolError, match="closed"):
        disk.use(lambda: done.append("never"))
    assert done == ["last"]
