"""Limit the bytes of bodies that are read before their sender is verified.

Above the limit the connections of the oldest bodies are closed, so that a deliberately slow sender does not keep out
others.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

MAX_BYTES: Final = 32 << 20
"""Received bytes of such bodies that a process holds at a time; above it the oldest bodies are cut off."""

_CHUNK_BYTES: Final = 1 << 16
"""Bytes that are read at a time, and then counted."""


class Readable(Protocol):
    """A request's body."""

    def read(self, size: int, /) -> bytes:
        """Return a number of bytes; fewer only at the end."""


class UntrustedBodies:
    """Counts the bytes of bodies that are being received, and ends the oldest above a limit.

    Args:
        most: bytes at a time; a single body may be larger.
    """

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._sizes: dict[int, int] = {}
        self._closers: dict[int, Callable[[], None]] = {}
        self._number = 0

    @contextmanager
    def counting(self, body: Readable, close: Callable[[], None]) -> Iterator[Readable]:
        """Count a body while it is read, and close the oldest connections above the limit.

        Args:
            body: the server's stream.
            close: closes the connection of the body.
        """
        self._number += 1
        number = self._number
        self._sizes[number], self._closers[number] = 0, close
        try:
            yield _CountedBody(body, lambda count: self._add(number, count))
        finally:
            self._remove(number)

    def _add(self, number: int, count: int) -> None:
        if number in self._sizes:  # else its connection is closed
            self._sizes[number] += count
            self._bytes += count
        while len(self._sizes) > 1 and self._bytes > self._most:
            oldest = next(iter(self._sizes))
            close = self._closers[oldest]
            self._remove(oldest)
            close()

    def _remove(self, number: int) -> None:
        self._bytes -= self._sizes.pop(number, 0)
        self._closers.pop(number, None)


class _CountedBody:
    """A body that is read in chunks, each of which is counted."""

    def __init__(self, body: Readable, count: Callable[[int], None]) -> None:
        self._body = body
        self._count = count

    def read(self, size: int, /) -> bytes:
        """Return a number of bytes; fewer only at the end."""
        chunks = []
        while size > 0 and (chunk := self._body.read(min(size, _CHUNK_BYTES))):
            chunks.append(chunk)
            size -= len(chunk)
            self._count(len(chunk))
        return b"".join(chunks)
