"""Turns: a few requests begin at a time, by rank, and what has begun goes on before others."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from receiver.supervision import Loop, Supervisor
from receiver.web.middleware.request_priority import Rank

_AT_ONCE: Final = 32
"""Requests that begin before others go on: a few hundredths of a second's work."""

_MOST_WAITING: Final = 1000
"""Requests whose turn comes within a second, at the pace of a core."""

_MOST_PUBLIC: Final = 64
"""Requests without a key that wait for a turn; further ones are refused. A browser asks for seven files at once."""

_SHARES: Final = {Rank.KNOWN: 0, Rank.GRAPH: 8, Rank.HEALTH: 4, Rank.CLIENT: 4, Rank.PUBLIC: 1}
"""Of 32 turns, how many a rank gets even when higher ones could use them all; the rest goes by rank."""


class AdmissionQueue:
    """Lets a few requests begin at a time: by rank, and within a rank in the order in which they came.

    Without that gevent takes up whatever arrives before it goes on with what waits for the store, and under overload
    nothing is ever finished in time.

    Args:
        clock: seconds.
        at_once: how many.
        name: of its background loop.
        supervisor: runs the loop; by default one of its own.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        at_once: int = _AT_ONCE,
        name: str = "admission",
        supervisor: Supervisor | None = None,
    ) -> None:
        self._name = name
        self._supervisor = supervisor or Supervisor()
        self._is_running = False
        self._clock = clock
        self._at_once = at_once
        self._left = at_once
        self._waiting: tuple[deque[tuple[float, queue.SimpleQueue[None]]], ...] = tuple(deque() for _ in Rank)
        self._wanted = threading.Event()

    @property
    def are_taken(self) -> bool:
        """Whether the next request has to wait for its turn."""
        return self._left <= 0 or any(self._waiting)

    @property
    def public_are_full(self) -> bool:
        """Whether the queue of requests without a key is full."""
        return len(self._waiting[Rank.PUBLIC]) >= _MOST_PUBLIC

    def are_late(self, seconds: float, rank: Rank) -> bool:
        """Tell whether requests of Graph's or of this rank wait longer for their turn, or too many do."""
        if not any(self._waiting):
            return False
        return any(self._is_late(seconds, other) for other in {Rank.KNOWN, min(Rank.GRAPH, rank), rank})

    def wait(self, rank: Rank) -> float:
        """Return when it is the request's turn, with the time at which it came."""
        came = self._clock()
        if not self.are_taken:
            self._left -= 1
            if self._left <= 0:
                self._want()
            return came
        turn: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting[rank].append((came, turn))
        self._want()
        turn.get()
        return came

    def _is_late(self, seconds: float, rank: Rank) -> bool:
        waiting = self._waiting[rank]
        return bool(waiting) and (self._clock() - waiting[0][0] > seconds or len(waiting) >= _MOST_WAITING)

    def _want(self) -> None:
        if not self._is_running:
            self._is_running = True
            self._supervisor.start(self._name, self._give)
        self._wanted.set()

    def _give(self, loop: Loop) -> None:
        while True:
            self._wanted.clear()
            time.sleep(0)  # behind all that can go on now
            while any(self._waiting):  # at the start, too: an error may have left some waiting
                self._give_round()
                loop.progress()
                time.sleep(0)
            self._left = self._at_once
            loop.progress()
            loop.idle()
            self._wanted.wait()
            loop.begin()

    def _give_round(self) -> None:
        wanted = [len(waiting) for waiting in self._waiting]
        given = [min(wanted[rank], share * self._at_once // _AT_ONCE) for rank, share in _SHARES.items()]
        left = self._at_once - sum(given)
        for rank in Rank:
            more = min(left, wanted[rank] - given[rank])
            left -= more
            for _ in range(given[rank] + more):
                self._waiting[rank].popleft()[1].put(None)
