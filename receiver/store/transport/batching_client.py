"""A client that batches calls: those that arrive together, or while others are on their way, share a round trip.

Theory of operation (group commit): a client has a few slots, each of which allows one round trip at a time. A call
that finds a free slot takes it, lets the calls that are ready now join, sends the batch, and distributes the replies.
A call that finds no free slot waits in the queue. When a slot becomes free, the first call in the queue takes it, and
the calls behind it join its batch. So a lone call does not wait for others, and under load more calls share each
round trip. Each call has its own replies and its own deadline: an error or a time-out of one call does not affect
the others in its batch.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from receiver.errors import OverloadedError
from receiver.store.transport.queue_limit import QueueLimit
from receiver.store.transport.store_client import NO_REPLY, Command, StoreClient, pack, require_replies
from receiver.supervision import Loop, Supervisor

SLOTS: Final = 2
"""Round trips under way at once: while the store works on one, the next is assembled."""

MAX_BATCH_ITEMS: Final = 128
"""Items of one round trip. The store answers none of them before it has done all of them."""

QUEUE_SIZE: Final = 1000
"""Calls that may wait: on one core, as many as are done within a second."""

_MAX_WAIT_SECONDS: Final = 1.0
"""How long a waiting call may expect to wait for its reply; a notification has hardly twice as much in all."""

_DEADLINE_CHECK_SECONDS: Final = 0.05
"""How much later than its deadline a waiting call may return."""


def _ignore_round_trip(items: int, seconds: float) -> None:
    """Do nothing: the default observer."""


class BatchingClient:
    """Sends commands to the store, many calls in one round trip.

    Args:
        store_client: sends each batch.
        slots: how many round trips may be under way at once.
        max_batch_items: how many items may share a round trip; a single call may have more.
        queue_size: how many calls may wait. Further calls are refused at once, rather than answered late.
        yields_to: another client, with priority: while its queue is a quarter full, this one refuses each call
            that would have to wait.
        observe: called after every round trip with the number of its items and the seconds that it took.
        clock: seconds; deadlines are measured by it.
        name: of the background loop.
        supervisor: runs the loop; by default one of its own.
    """

    def __init__(
        self,
        store_client: StoreClient,
        *,
        slots: int = SLOTS,
        max_batch_items: int = MAX_BATCH_ITEMS,
        queue_size: int = QUEUE_SIZE,
        yields_to: "BatchingClient | None" = None,
        observe: Callable[[int, float], None] = _ignore_round_trip,
        clock: Callable[[], float] = time.monotonic,
        name: str = "store-calls",
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store_client = store_client
        self._slots = slots
        self._free_slots = deque(range(slots))
        self._max_batch_items = max_batch_items
        self._yields_to = yields_to
        self._observe = observe
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[_Call] = deque()
        self._waiting: dict[_Call, None] = {}
        """Calls whose thread waits: those in the queue, and those that a batch is sending."""

        self._name = name
        self._supervisor = supervisor or Supervisor()
        self._is_started = False
        self._queue_limit = QueueLimit(queue_size, _MAX_WAIT_SECONDS)

    def call(self, commands: Sequence[Command], *, within: float, items: int = 1) -> list[Any]:
        """Send commands and return their replies.

        Args:
            commands: each may be sent twice.
            within: seconds.
            items: how much work the commands are for the store.

        Raises:
            OverloadedError: the queue is full.
            StoreUnavailableError: the store can't be reached, refuses a command, or does not answer in time.
        """
        call = _Call([pack(command) for command in commands], items, self._clock() + within)
        self._send(call)
        # The call that sent the batch may have had an earlier deadline. A call that sent its own has had all its time.
        while NO_REPLY in call.replies and not call.has_sent and self._clock() < call.deadline:
            self._send(call)
        return require_replies(call.replies)

    @property
    def queued(self) -> int:
        """How many calls wait in the queue."""
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Whether a call that arrives now is refused."""
        return not self._free_slots and self._is_queue_full()

    @property
    def is_crowded(self) -> bool:
        """Whether the queue is a quarter full."""
        return not self._queue_limit.admits(len(self._queue) * 4)

    def _send(self, call: "_Call") -> None:
        """Send a call, alone or in a batch; return without its replies when its deadline passes."""
        if self._take_free_slot() or self._wait_for_slot(call):
            self._send_batch(call)

    def _take_free_slot(self) -> bool:
        """Take a slot and return True, if one is free. No lock is needed: a deque's single steps are atomic."""
        if not self._free_slots:
            return False
        try:
            self._free_slots.pop()
        except IndexError:  # another thread was faster
            return False
        return True

    def _wait_for_slot(self, call: "_Call") -> bool:
        """Wait in the queue; return whether the call got a slot there, or False if it was sent or its time is over."""
        if self._is_queue_full():
            raise OverloadedError
        if not self._is_started:
            self._is_started = True
            self._supervisor.start(self._name, self._watch_deadlines)
        self._queue.append(call)
        if self._take_free_slot():  # it became free before the call was in the queue, so it was not passed on
            self._pass_slot_on()
        self._waiting[call] = None
        try:
            return call.wakeup.get()
        finally:
            del self._waiting[call]

    def _is_queue_full(self) -> bool:
        """Return whether a call that joins the queue now would wait too long, at the rate of the last round trips."""
        if self._yields_to and self._yields_to.is_crowded:
            return True
        return not self._queue_limit.admits(len(self._queue))

    def _watch_deadlines(self, loop: Loop) -> None:
        """Wake calls whose deadline has passed: one look at all of them costs less than a timer for each."""
        while True:
            loop.progress()
            time.sleep(_DEADLINE_CHECK_SECONDS)
            now = self._clock()
            for call in [call for call in tuple(self._waiting) if call.deadline <= now]:
                with self._lock:
                    if call in self._queue:
                        self._queue.remove(call)
                call.wakeup.put(False)  # if it has just got a slot, it reads that first

    def _send_batch(self, call: "_Call") -> None:
        """Send a call and those that join it, then pass the slot on."""
        batch, call.has_sent = [call], True
        replies: list[Any] = []
        began = self._clock()
        try:
            time.sleep(0)  # the calls that are ready now join
            self._join(batch)
            began = self._clock()
            commands = [command for joined in batch for command in joined.commands]
            replies = self._store_client.call_each(commands, within=call.deadline - began)
        finally:
            took = self._clock() - began
            self._pass_slot_on()
            rest = iter(replies)
            for joined in batch:
                joined.replies = [next(rest, NO_REPLY) for _ in joined.commands]
                if joined is not call:
                    joined.wakeup.put(False)
            if (
                replies and NO_REPLY not in replies
            ):  # else `took` is a time-out, not the time that the store needs
                self._queue_limit.observe(len(batch), took, at_once=self._slots)
            self._observe(sum(joined.items for joined in batch), took)

    def _join(self, batch: "list[_Call]") -> None:
        """Move calls from the queue to a batch, as long as it has room for them."""
        items = sum(call.items for call in batch)
        with self._lock:
            while self._queue and items + self._queue[0].items <= self._max_batch_items:
                batch.append(self._queue.popleft())
                items += batch[-1].items

    def _pass_slot_on(self) -> None:
        """Give a slot to the first call in the queue, or release it."""
        while True:
            with self._lock:
                if self._queue:
                    self._queue.popleft().wakeup.put(True)
                    return
            self._free_slots.append(0)
            if not self._queue or not self._take_free_slot():  # a call may have joined the queue in between
                return


class _Call:
    """One call: its commands, ready for the wire, its replies, and the queue on which its thread waits.

    `wakeup` gets True when the call has got a slot and must send, False when it was sent or its time is over.
    """

    __slots__ = ("commands", "deadline", "has_sent", "items", "replies", "wakeup")

    def __init__(self, commands: list[bytes], items: int, deadline: float) -> None:
        self.commands = commands
        self.items = items
        self.deadline = deadline
        self.has_sent = False
        self.replies: list[Any] = [NO_REPLY]
        self.wakeup: queue.SimpleQueue[bool] = queue.SimpleQueue()
