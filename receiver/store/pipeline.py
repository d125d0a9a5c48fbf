"""The pipeline: calls that come together, or while others are on their way, share a round trip (group commit).

Theory of operation: a few lanes lead to the store. A call that finds a lane free takes it at once, lets the calls
that are ready now join it, sends them all, and hands out the replies. A call that finds none stands in line; when a
lane gets free, the first in line takes it, and takes with it those behind. So a lone call waits for nobody, and the
more there are, the more of them share one round trip. Each call has its own replies and its own time: what one is
refused, or has no time for, the others don't feel.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from receiver.store.link import NO_REPLY, Command, Link, checked, pack

LANES: Final = 2
"""Round trips under way at once: while the store works on one, the next is put together."""

MOST_AT_ONCE: Final = 128
"""Items of one round trip: the store answers none of them before it has done them all."""


class Pipeline:
    """Calls the store, many calls in one round trip.

    Args:
        link: the way to Redis.
        lanes: how many round trips may be under way at once.
        most: how many items may share one; a single call may have more.
        clock: seconds; deadlines are measured by it.
    """

    def __init__(
        self,
        link: Link,
        *,
        lanes: int = LANES,
        most: int = MOST_AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._free_lanes = lanes
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._line: deque[_Call] = deque()

    def call(self, commands: Sequence[Command], *, within: float, items: int = 1) -> list[Any]:
        """Send commands and return their replies.

        Args:
            commands: may all be sent twice.
            within: seconds.
            items: how much work they are for the store.

        Raises:
            StoreUnavailableError: the store can't be reached, refuses one of them, or does not answer in time.
        """
        call = _Call([pack(command) for command in commands], items, self._clock() + within)
        self._send(call)
        # Who led may have had less time.
        while any(reply is NO_REPLY for reply in call.replies) and self._clock() < call.deadline:
            self._send(call)
        return checked(call.replies)

    def _send(self, call: "_Call") -> None:
        """Return when the call has been sent, alone or with others, or its time is over."""
        with self._lock:
            leads = self._free_lanes > 0
            if leads:
                self._free_lanes -= 1
            else:
                call.leads = False
                self._line.append(call)
        if leads or self._is_to_lead(call):
            self._lead(call)

    def _is_to_lead(self, call: "_Call") -> bool:
        """Wait in line; tell whether the call has got a lane, or else it was sent or its time is over."""
        call.turn.acquire(timeout=max(0.0, call.deadline - self._clock()))
        with self._lock:
            if call in self._line:
                self._line.remove(call)
            return call.leads

    def _lead(self, call: "_Call") -> None:
        """Send a call and those that join it, then give the lane on."""
        time.sleep(0)  # whoever is ready now joins
        batch = self._join(call)
        replies: list[Any] = []
        try:
            commands = [command for joined in batch for command in joined.commands]
            replies = self._link.call_each(commands, within=call.deadline - self._clock())
        finally:
            self._give_lane()
            rest = iter(replies)
            for joined in batch:
                joined.replies = [next(rest, NO_REPLY) for _ in joined.commands]
                if joined is not call:
                    joined.turn.release()

    def _join(self, call: "_Call") -> "list[_Call]":
        batch, items = [call], call.items
        with self._lock:
            while self._line and items + self._line[0].items <= self._most:
                batch.append(self._line.popleft())
                items += batch[-1].items
        return batch

    def _give_lane(self) -> None:
        with self._lock:
            if not self._line:
                self._free_lanes += 1
                return
            heir = self._line.popleft()
            heir.leads = True
        heir.turn.release()


class _Call:
    """One caller's commands, ready for the wire, and the turn he waits for: to be answered, or to lead."""

    __slots__ = ("commands", "deadline", "items", "leads", "replies", "turn")

    def __init__(self, commands: list[bytes], items: int, deadline: float) -> None:
        self.commands = commands
        self.items = items
        self.deadline = deadline
        self.replies: list[Any] = [NO_REPLY]
        self.leads = False
        self.turn = threading.Lock()
        self.turn.acquire()
