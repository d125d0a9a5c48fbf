"""Work on a disk: one piece at a time, out of the way of everything else, and none of it is waited for without end.

A disk may hang (a network volume, a dying device) for as long as it likes, and nothing ends a call that is in the
kernel. The work then goes on by itself, and until it has ended every other use is refused.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final, NoReturn, Protocol, TypeVar

from receiver.spool.spool_database import SpoolError

T = TypeVar("T")

PATIENCE: Final = 2.0
"""Seconds that a use of the disk waits for the one before."""

LONGEST: Final = 8.0
"""Seconds that a use of the disk is waited for."""


class BlockingExecutor(Protocol):
    """Carries out blocking work without delaying other requests."""

    def __call__(self, work: Callable[[], T], /) -> T:
        """Return what the work returns, or raise what it raises."""


def run_inline(work: Callable[[], T], /) -> T:
    """Carry out the work in the calling thread: for processes that serve no other requests."""
    return work()


class DiskThread:
    """Carries out work on a disk.

    Args:
        executor: carries out work that waits for the disk.
        longest: seconds that a use is waited for.
    """

    def __init__(self, executor: BlockingExecutor, longest: float = LONGEST) -> None:
        self._executor = executor
        self._longest = longest
        self._lock = threading.Lock()
        self._is_closed = False

    def use(self, work: Callable[[], T]) -> T:
        """Carry out work and return its result.

        Raises:
            SpoolError: the disk does not answer in time, and then the work may still be done; or the disk is closed.
        """
        if not self._lock.acquire(timeout=PATIENCE):
            raise SpoolError("The spool's disk does not answer.")
        use: Future[T] = Future()
        try:
            threading.Thread(target=self._carry_out, args=(use, work), name="disk", daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            self._lock.release()
            raise SpoolError("The spool can't be used: the system has no thread left.") from error
        try:
            return use.result(self._longest)
        except FutureTimeoutError:
            raise SpoolError("The spool's disk does not answer.") from None

    def close(self, last: Callable[[], None]) -> None:
        """Carry out the last work, and none after it."""
        with self._lock:
            self._is_closed = True
            last()

    def _carry_out(self, use: Future[T], work: Callable[[], T]) -> None:
        """Settle a use when its work has ended, and let the next one begin before."""
        try:
            result = self._executor(self._refuse if self._is_closed else work)
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            self._lock.release()
            use.set_exception(error)
        else:
            self._lock.release()
            use.set_result(result)

    @staticmethod
    def _refuse() -> NoReturn:
        raise SpoolError("The spool is closed.")
