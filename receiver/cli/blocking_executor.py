"""Blocking work aside: in a native thread, while the greenlets of a worker go on.

gevent makes sockets and sleeps give way to others, but not a disk: one that takes a second to write would hold up
everybody in the process.
"""

from collections.abc import Callable
from typing import TypeVar

from gevent.threadpool import ThreadPool

T = TypeVar("T")


class NativeThreadExecutor:
    """Carries out work in a native thread of its own, one piece after the other. Make it after the fork.

    Not in gevent's own threads: they look up names, and may all hang in that just when the store is away.
    """

    def __init__(self) -> None:
        self._thread = ThreadPool(1)

    def __call__(self, work: Callable[[], T], /) -> T:
        """Return what the work returns, or raise what it raises."""
        results: list[T] = []
        errors: list[Exception] = []

        def settle() -> None:
            try:
                results.append(work())
            except Exception as error:  # noqa: BLE001 - raised again below; gevent would print it first
                errors.append(error)

        self._thread.apply(settle)
        if errors:
            raise errors[0]
        return results[0]
