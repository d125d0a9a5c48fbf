"""An executor for blocking work: it runs in a native thread, while the greenlets of a worker go on.

gevent makes sockets and sleeps yield, but not a disk: a write that takes a second would block every request of the
process.
"""

from collections.abc import Callable
from typing import TypeVar

from gevent.threadpool import ThreadPool

T = TypeVar("T")


class NativeThreadExecutor:
    """Runs calls in one native thread of its own, one after the other. Create it after the fork.

    gevent's own thread pool does not serve: it resolves host names, and all its threads may hang in that just when the
    store is unavailable.
    """

    def __init__(self) -> None:
        self._thread = ThreadPool(1)

    def __call__(self, work: Callable[[], T], /) -> T:
        """Return what `work` returns, or raise what it raises."""
        results: list[T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                results.append(work())
            except Exception as error:  # noqa: BLE001 - raised again below; gevent would print it first
                errors.append(error)

        self._thread.apply(run)
        if errors:
            raise errors[0]
        return results[0]
