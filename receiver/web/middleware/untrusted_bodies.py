"""Limit the bytes of bodies that are read before their sender is verified.

Above the limit the bodies that have been on their way longest are cut, so that a sender that is slow on purpose does
not keep out others.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

MOST_BYTES: Final = 32 << 20
"""Bytes of such bodies at a time in a process, of those that have been received."""

_PIECE: Final = 1 << 16
"""Bytes read before they are counted."""


class Readable(Protocol):
    """A request's body."""

    def read(self, size: int, /) -> bytes:
        """Return that many bytes, fewer only at the end."""


class UntrustedBodies:
    """The bodies on their way.

    Args:
        most: bytes at a time; one body alone may be larger.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._sizes: dict[int, int] = {}
        self._cuts: dict[int, Callable[[], None]] = {}
        self._number = 0

    @contextmanager
    def counting(self, body: Readable, cut: Callable[[], None]) -> Iterator[Readable]:
        """Count a body while it is read, and cut the oldest ones where there are too many bytes.

        Args:
            body: as the server hands it on.
            cut: ends its connection.
        """
        self._number += 1
        number = self._number
        self._sizes[number], self._cuts[number] = 0, cut
        try:
            yield _CountedBody(body, lambda count: self._add(number, count))
        finally:
            self._forget(number)

    def _add(self, number: int, count: int) -> None:
        if number in self._sizes:  # else it was cut
            self._sizes[number] += count
            self._bytes += count
        while len(self._sizes) > 1 and self._bytes > self._most:
            oldest = next(iter(self._sizes))
            cut = self._cuts[oldest]
            self._forget(oldest)
            cut()

    def _forget(self, number: int) -> None:
        self._bytes -= self._sizes.pop(number, 0)
        self._cuts.pop(number, None)


class _CountedBody:
    """A body that is read in pieces, each of which is counted."""

    def __init__(self, body: Readable, count: Callable[[int], None]) -> None:
        self._body = body
        self._count = count

    def read(self, size: int, /) -> bytes:
        """Return that many bytes, fewer only at the end."""
        pieces = []
        while size > 0 and (piece := self._body.read(min(size, _PIECE))):
            pieces.append(piece)
            size -= len(piece)
            self._count(len(piece))
        return b"".join(pieces)
