"""Bodies that are read before it is known whether their sender is to be trusted: only so many bytes at a time.

Above that the bodies that have been on their way longest are cut, so that a sender who is slow on purpose keeps out no
other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

MOST_BYTES: Final = 32 << 20
"""Bytes of such bodies at a time in a process, by the length that each announces."""


class UntrustedBodies:
    """The bodies on their way.

    Args:
        most: bytes at a time; one body alone may be larger.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._cuts: dict[int, tuple[int, Callable[[], None]]] = {}
        self._number = 0

    @contextmanager
    def reading(self, size: int, cut: Callable[[], None]) -> Iterator[None]:
        """Count a body while it is read, and cut the oldest others where there are too many bytes.

        Args:
            size: bytes that it may have.
            cut: ends its connection.
        """
        self._number += 1
        number = self._number
        self._cuts[number] = size, cut
        self._bytes += size
        while self._bytes > self._most and len(self._cuts) > 1:
            self._remove(next(iter(self._cuts)))[1]()
        try:
            yield
        finally:
            if number in self._cuts:
                self._remove(number)

    def _remove(self, number: int) -> tuple[int, Callable[[], None]]:
        removed = self._cuts.pop(number)
        self._bytes -= removed[0]
        return removed
