"""The limit of open connections: near it, those that made no progress for longest are closed for new ones.

The operating system and gevent accept connections only below the limit. Without this, a client that opens all of them
and sends nothing would lock out all others until its connections time out.
"""

import heapq
import time
from collections.abc import Callable, Iterator
from typing import Final

from receiver.server.connection import Connection, ConnectionState

_EVICTION_THRESHOLD: Final = 0.95
"""Share of the limit above which connections are evicted; the rest takes new ones while the evicted close."""

_EVICTED_AT_ONCE: Final = 0.05
"""Share of the limit that is evicted in one pass: looking through ten thousand connections takes 5 ms."""

_SILENT_SECONDS: Final = 1.0
"""Age from which a connection that has never sent a byte is evicted before those that have."""

_PAUSE_SECONDS: Final = 0.1
"""Pause after a pass that found too few connections to evict."""


class ConnectionLimit:
    """The open connections of a process, some of which are evicted near the limit.

    In this order: connections that have sent nothing for more than a second; then those that wait for their client
    (idle, within a request, or not reading a response), by the time of their last progress, which is a whole request
    or a part of a response; last the same where a request had valid credentials. A connection whose request is being
    processed is never evicted.

    Args:
        most: how many connections may be open.
        clock: seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._threshold = max(1, int(most * _EVICTION_THRESHOLD))
        self._evicted_at_once = max(1, int(most * _EVICTED_AT_ONCE))
        self._clock = clock
        self._open: set[Connection] = set()
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    def add(self, connection: Connection) -> int:
        """Add a connection; evict others if there are too many, and return how many."""
        self._open.add(connection)
        if len(self._open) <= self._threshold or self._clock() < self._not_before:
            return 0
        return self._evict()

    def remove(self, connection: Connection) -> None:
        """Remove a connection that has been closed."""
        self._open.discard(connection)

    def _evict(self) -> int:
        now = self._clock()
        waiting = [
            connection for connection in self._open if connection.state is not ConnectionState.PROCESSING
        ]
        evicted = heapq.nsmallest(self._evicted_at_once, waiting, key=lambda one: _eviction_order(one, now))
        for connection in evicted:
            connection.evict()
        if len(evicted) < self._evicted_at_once:
            self._not_before = now + _PAUSE_SECONDS
        return len(evicted)


def _eviction_order(connection: Connection, now: float) -> tuple[int, float]:
    if connection.is_authenticated:
        return 3, connection.state_since
    has_sent_nothing = (
        connection.state is ConnectionState.NEW and now - connection.state_since > _SILENT_SECONDS
    )
    return 1 if has_sent_nothing else 2, connection.state_since
