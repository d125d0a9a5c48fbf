"""Run work on a disk in a thread, one piece at a time, and wait for it no longer than some seconds.

A disk may hang (a network volume, a failing device) for any time, and nothing ends a call that is in the kernel. The
work then goes on in its thread, and until it has ended every other use of the disk is refused.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final, NoReturn, Protocol, TypeVar

from receiver.spool.spool_database import SpoolError

T = TypeVar("T")

TURN_SECONDS: Final = 2.0
"""How long a use of the disk waits for the one before it to end."""

USE_SECONDS: Final = 8.0
"""How long a caller waits for a use of the disk."""


class BlockingExecutor(Protocol):
    """Runs blocking work without delaying other requests."""

    def __call__(self, work: Callable[[], T], /) -> T:
        """Return what the work returns, or raise what it raises."""


def run_inline(work: Callable[[], T], /) -> T:
    """Run the work in the calling thread: for processes that serve no other requests."""
    return work()


class DiskThread:
    """Runs work on a disk.

    Args:
        executor: runs work that waits for the disk.
        use_seconds: how long a caller waits for a use.
    """

    def __init__(self, executor: BlockingExecutor, use_seconds: float = USE_SECONDS) -> None:
        self._executor = executor
        self._use_seconds = use_seconds
        self._lock = threading.Lock()
        self._is_closed = False

    def use(self, work: Callable[[], T]) -> T:
        """Run work and return its result.

        Raises:
            SpoolError: the disk does not answer in time, and then the work may still be done; or the disk is closed.
        """
        if not self._lock.acquire(timeout=TURN_SECONDS):
            raise SpoolError("The spool's disk does not answer. Check the disk of RECEIVER_SPOOL.")
        use: Future[T] = Future()
        try:
            threading.Thread(target=self._run, args=(use, work), name="disk", daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            self._lock.release()
            raise SpoolError(
                "The spool can't be used: the system can't start a thread. Raise its limit of threads."
            ) from error
        try:
            return use.result(self._use_seconds)
        except FutureTimeoutError:
            raise SpoolError("The spool's disk does not answer. Check the disk of RECEIVER_SPOOL.") from None

    def close(self, last: Callable[[], None]) -> None:
        """Run the last work; refuse any after it."""
        with self._lock:
            self._is_closed = True
            last()

    def _run(self, use: Future[T], work: Callable[[], T]) -> None:
        """Run the work of a use and set its result; release the lock first, so that the next use can begin."""
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
