"""The limit of connections: near it, those that have been silent longest make room for new ones.

The operating system and gevent take new connections only while there is room, so without this a client that opens
all of them and says nothing shuts out all others until its connections time out.
"""

import heapq
import time
from collections.abc import Callable, Iterator
from typing import Final

from receiver.server.connection import Connection, Phase

_NEAR: Final = 0.95
"""The share of the limit from which on connections make room; the rest takes what comes while they close."""

_AT_ONCE: Final = 0.05
"""The share of the limit that makes room at once: to look through ten thousand connections takes 5 ms."""

_SILENT_SECONDS: Final = 1.0
"""From then on a connection that has never said anything makes room before those that have."""

_PAUSE_SECONDS: Final = 0.1


class ConnectionLimit:
    """The open connections of a process, of which some make room for others.

    First those that have sent nothing for more than a second. Then those whose client we wait for (idle, within a
    request, or not reading its answer), by the time of their last progress: a whole request, or a part of an answer.
    Last the same where a request had good credentials. One whose request is being answered never does.

    Args:
        most: how many may be open.
        clock: seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._near = max(1, int(most * _NEAR))
        self._at_once = max(1, int(most * _AT_ONCE))
        self._clock = clock
        self._open: set[Connection] = set()
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    def add(self, connection: Connection) -> int:
        """Add a connection, and close others where there are too many; return how many."""
        self._open.add(connection)
        if len(self._open) <= self._near or self._clock() < self._not_before:
            return 0
        return self._make_room()

    def remove(self, connection: Connection) -> None:
        """Remove a connection that has been closed."""
        self._open.discard(connection)

    def _make_room(self) -> int:
        now = self._clock()
        waiting = [connection for connection in self._open if connection.phase is not Phase.ANSWERED]
        first = heapq.nsmallest(self._at_once, waiting, key=lambda connection: _order(connection, now))
        for connection in first:
            connection.make_room()
        if len(first) < self._at_once:
            self._not_before = now + _PAUSE_SECONDS
        return len(first)


def _order(connection: Connection, now: float) -> tuple[int, float]:
    if connection.is_vouched_for:
        return 3, connection.since
    is_silent = connection.phase is Phase.SILENT and now - connection.since > _SILENT_SECONDS
    return 1 if is_silent else 2, connection.since
