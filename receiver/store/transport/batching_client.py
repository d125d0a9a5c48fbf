"""The pipeline: calls that come together, or while others are on their way, share a round trip (group commit).

Theory of operation: a few lanes lead to the store. A call that finds a lane free takes it at once, lets the calls
that are ready now join it, sends them all, and hands out the replies. A call that finds none stands in line; when a
lane gets free, the first in line takes it, and takes with it those behind. So a lone call waits for nobody, and the
more there are, the more of them share one round trip. Each call has its own replies and its own time: what one is
refused, or has no time for, the others don't feel.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from receiver.errors import OverloadedError
from receiver.store.transport.queue_limit import QueueLimit
from receiver.store.transport.store_client import NO_REPLY, Command, StoreClient, checked, pack
from receiver.supervision import Loop, Supervisor

LANES: Final = 2
"""Round trips under way at once: while the store works on one, the next is put together."""

LINE: Final = 1000
"""What stands in line is done within a second, at the pace of a core."""

_IN_TIME: Final = 1.0
"""Seconds in which whoever stands in line should have his reply; a notification has hardly twice as much."""

_LOOK_SECONDS: Final = 0.05
"""How much later than its deadline a call may be told that its time is over."""

MOST_AT_ONCE: Final = 128
"""Items of one round trip: the store answers none of them before it has done them all."""


def _unobserved(items: int, seconds: float) -> None:
    """Tell nobody."""


class BatchingClient:
    """Calls the store, many calls in one round trip.

    Args:
        store_client: the way to Redis.
        lanes: how many round trips may be under way at once.
        most: how many items may share one; a single call may have more.
        line: how many calls may stand in line; more are refused at once, rather than answered late.
        gives_way_to: another pipeline; while its line is a quarter full, this one refuses whatever would have to wait.
        observe: told of every round trip: how many items shared it, and how many seconds it took.
        clock: seconds; deadlines are measured by it.
        name: of its background loop.
        supervisor: runs the loop; by default one of its own.
    """

    def __init__(
        self,
        store_client: StoreClient,
        *,
        lanes: int = LANES,
        most: int = MOST_AT_ONCE,
        line: int = LINE,
        gives_way_to: "BatchingClient | None" = None,
        observe: Callable[[int, float], None] = _unobserved,
        clock: Callable[[], float] = time.monotonic,
        name: str = "pipeline",
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store_client = store_client
        self._number_of_lanes = lanes
        self._lanes = deque(range(lanes))
        self._most = most
        self._preferred = gives_way_to
        self._observe = observe
        self._clock = clock
        self._lock = threading.Lock()
        self._line: deque[_Call] = deque()
        self._waiting: dict[_Call, None] = {}
        self._name = name
        self._supervisor = supervisor or Supervisor()
        self._is_watched = False
        self._line_bound = QueueLimit(line, _IN_TIME)

    def call(self, commands: Sequence[Command], *, within: float, items: int = 1) -> list[Any]:
        """Send commands and return their replies.

        Args:
            commands: may all be sent twice.
            within: seconds.
            items: how much work they are for the store.

        Raises:
            OverloadedError: the line is full.
            StoreUnavailableError: the store can't be reached, refuses one of them, or does not answer in time.
        """
        call = _Call([pack(command) for command in commands], items, self._clock() + within)
        self._send(call)
        # Another who led may have had less time; the call itself has had all that it has.
        while NO_REPLY in call.replies and not call.has_led and self._clock() < call.deadline:
            self._send(call)
        return checked(call.replies)

    @property
    def line(self) -> int:
        """How many calls stand in line."""
        return len(self._line)

    @property
    def is_full(self) -> bool:
        """Whether a call that comes now is refused."""
        return not self._lanes and self._is_too_long()

    @property
    def is_crowded(self) -> bool:
        """Whether the line is a quarter full."""
        return not self._line_bound.admits(len(self._line) * 4)

    def _send(self, call: "_Call") -> None:
        """Return when the call has been sent, alone or with others, or its time is over."""
        if self._takes_lane() or self._gets_lane_in_line(call):
            self._lead(call)

    def _takes_lane(self) -> bool:
        """Take a lane, if one is free. No lock is needed: a deque's single steps are atomic."""
        if not self._lanes:
            return False
        try:
            self._lanes.pop()
        except IndexError:  # another thread was faster
            return False
        return True

    def _gets_lane_in_line(self, call: "_Call") -> bool:
        """Stand in line; tell whether the call has got a lane there, or else it was sent or its time is over."""
        if self._is_too_long():
            raise OverloadedError
        if not self._is_watched:
            self._is_watched = True
            self._supervisor.start(self._name, self._watch_deadlines)
        self._line.append(call)
        if self._takes_lane():  # it became free just before, and nobody would have told us
            self._give_lane()
        return self._is_to_lead(call)

    def _is_too_long(self) -> bool:
        """Tell whether who joins the line now had to wait too long, at the pace of the last round trip."""
        if self._preferred and self._preferred.is_crowded:
            return True
        return not self._line_bound.admits(len(self._line))

    def _is_to_lead(self, call: "_Call") -> bool:
        self._waiting[call] = None
        try:
            return call.turn.get()
        finally:
            del self._waiting[call]

    def _watch_deadlines(self, loop: Loop) -> None:
        """Wake those whose time is over: one look at all of them costs less than a timer for each."""
        while True:
            loop.progress()
            time.sleep(_LOOK_SECONDS)
            now = self._clock()
            for call in [call for call in tuple(self._waiting) if call.deadline <= now]:
                with self._lock:
                    if call in self._line:
                        self._line.remove(call)
                call.turn.put(False)  # unless it has just got a lane; then it takes that first

    def _lead(self, call: "_Call") -> None:
        """Send a call and those that join it, then give the lane on."""
        batch, call.has_led = [call], True
        replies: list[Any] = []
        began = self._clock()
        try:
            time.sleep(0)  # whoever is ready now joins
            self._join(batch)
            began = self._clock()
            commands = [command for joined in batch for command in joined.commands]
            replies = self._store_client.call_each(commands, within=call.deadline - began)
        finally:
            took = self._clock() - began
            self._give_lane()
            rest = iter(replies)
            for joined in batch:
                joined.replies = [next(rest, NO_REPLY) for _ in joined.commands]
                if joined is not call:
                    joined.turn.put(False)
            if (
                replies and NO_REPLY not in replies
            ):  # else it tells how long we wait, not how long the store takes
                self._line_bound.observe(len(batch), took, at_once=self._number_of_lanes)
            self._observe(sum(joined.items for joined in batch), took)

    def _join(self, batch: "list[_Call]") -> None:
        """Add those from the line that may share the round trip."""
        items = sum(call.items for call in batch)
        with self._lock:
            while self._line and items + self._line[0].items <= self._most:
                batch.append(self._line.popleft())
                items += batch[-1].items

    def _give_lane(self) -> None:
        """Give a lane to the first in line, or back."""
        while True:
            with self._lock:
                if self._line:
                    self._line.popleft().turn.put(True)
                    return
            self._lanes.append(0)
            if not self._line or not self._takes_lane():  # somebody may have come in between
                return


class _Call:
    """One caller's commands, ready for the wire, and the turn he waits for: True to lead, False if it was sent."""

    __slots__ = ("commands", "deadline", "has_led", "items", "replies", "turn")

    def __init__(self, commands: list[bytes], items: int, deadline: float) -> None:
        self.commands = commands
        self.items = items
        self.deadline = deadline
        self.has_led = False
        self.replies: list[Any] = [NO_REPLY]
        self.turn: queue.SimpleQueue[bool] = queue.SimpleQueue()
