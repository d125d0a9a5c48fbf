"""The hub: one reader of the feed for all who wait and stream in this process.

A thousand of them cost one connection to Redis. The hub hands every batch of events to every subscription without
waiting for anybody: a subscription whose reader does not keep up is closed.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from receiver.errors import StoreUnavailableError, TooManyWaitingError
from receiver.store.feed import START, Feed, FeedEvent, order
from receiver.supervision import Loop, Supervisor

_POLL: Final = 5.0
"""Seconds that one read of the feed waits at the server."""

_PAUSE_AFTER_FAILURE: Final = 0.5
_MOST_PENDING: Final = 1000

_log: Final = logging.getLogger(__name__)


Kind = Literal["stream", "waiter"]


class Stopping(Protocol):
    """Set when the process is to end."""

    def is_set(self) -> bool:
        """Tell whether it is set."""

    def wait(self, timeout: float | None = None) -> object:
        """Return when it is set."""


@dataclass(frozen=True, slots=True)
class Interest:
    """Which events a subscription gets; what is empty does not filter."""

    client_context: str = ""
    call_id: str = ""

    def admits(self, event: FeedEvent) -> bool:
        """Tell whether an event is of interest."""
        return self.client_context in {"", event.client_context} and self.call_id in {"", event.call_id}


class Delivery:
    """An event, and its frame on the wire, which is made once for all streams that send it."""

    __slots__ = ("_encode", "_frame", "event", "order")

    def __init__(self, event: FeedEvent, encode: Callable[[FeedEvent], bytes]) -> None:
        self.event = event
        self.order = order(event.id)
        self._encode = encode
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The event as a stream sends it."""
        if self._frame is None:
            self._frame = self._encode(self.event)
        return self._frame


class Subscription:
    """What one waiter or stream has yet to take.

    Args:
        interest: which events.
        position: the feed's id after which the events come.
        kind: whose it is.
    """

    def __init__(self, interest: Interest, position: str, kind: Kind) -> None:
        self.kind = kind
        self.interest = interest
        self.position = position
        self.closed = False
        self._after = order(position)
        self._pending: deque[Delivery] = deque()
        self._news = threading.Event()

    def skip_to(self, position: str) -> None:
        """Leave out what the reader has seen already, elsewhere."""
        self._after = max(self._after, order(position))
        self._pending = deque(one for one in self._pending if one.order > self._after)

    def offer(self, delivery: Delivery) -> None:
        """Put an event in line; too many in line close the subscription."""
        if delivery.order <= self._after:
            return
        if len(self._pending) >= _MOST_PENDING:
            self.close()
            return
        self._pending.append(delivery)
        self._news.set()

    def close(self) -> None:
        """End it; whoever takes from it learns so."""
        self.closed = True
        self._news.set()

    def take(self, seconds: float) -> list[Delivery]:
        """Wait for events; return those in line, none where the time is over or the subscription is closed."""
        if self._news.wait(seconds):
            self._news.clear()
        taken = list(self._pending)
        self._pending.clear()
        return taken


class Hub:
    """Hands the feed's events to subscriptions.

    Args:
        feed: waits for news on a link of its own, and reads nothing while nobody subscribes.
        encode: makes the frame of an event.
        most: how many subscriptions there may be.
        supervisor: runs the loops; by default one of its own.
    """

    def __init__(
        self,
        feed: Feed,
        encode: Callable[[FeedEvent], bytes],
        *,
        most: int,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._feed = feed
        self._encode = encode
        self._most = most
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._buckets: dict[Interest, set[Subscription]] = {}
        self._counts: Counter[Kind] = Counter()
        self._behind = 0.0
        self._failing_since: float | None = None
        self._position = START
        self._reads = False
        self._stopping: Stopping | None = None

    def subscribe(self, kind: Kind, interest: Interest, now: Feed, stopping: Stopping | None) -> Subscription:
        """Begin to collect events; end it with `unsubscribe`.

        Args:
            kind: who wants them.
            interest: which events.
            now: asked where the feed is, if nobody has been reading it.
            stopping: set when the process is to end; all subscriptions are closed then.

        Raises:
            TooManyWaitingError: there are as many as may be.
            StoreUnavailableError: the feed can't be read.
        """
        with self._lock:
            if self.count >= self._most:
                raise TooManyWaitingError(
                    "As many wait and stream here as may (RECEIVER_MAX_WAITING). Ask without waiting, or later.",
                    retry_after=5,
                )
            self._watch(stopping)
            if not self.count:
                self._position = max(self._position, now.position(), key=order)
            subscription = Subscription(interest, self._position, kind)
            self._buckets.setdefault(interest, set()).add(subscription)
            self._counts[kind] += 1
            self._wanted.set()
        if stopping is not None and stopping.is_set():
            subscription.close()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Collect no more for a subscription; once is enough, twice does no harm."""
        with self._lock:
            bucket = self._buckets.get(subscription.interest, set())
            if subscription not in bucket:
                return
            bucket.remove(subscription)
            if not bucket:
                del self._buckets[subscription.interest]
            self._counts[subscription.kind] -= 1
            if not self.count:
                self._wanted.clear()

    @property
    def count(self) -> int:
        """How many wait and stream now."""
        return self._counts.total()

    def count_of(self, kind: Kind) -> int:
        """How many of a kind there are now."""
        return self._counts[kind]

    @property
    def lag(self) -> float:
        """By how many seconds those who wait and stream learn late what has changed, by this machine's clock."""
        if not self.count:
            return 0.0
        failing_since = self._failing_since
        return self._behind if failing_since is None else time.monotonic() - failing_since

    def _watch(self, stopping: Stopping | None) -> None:
        if not self._reads:
            self._reads = True
            self._supervisor.start("feed", self._read)
        if stopping is not None and self._stopping is None:
            self._stopping = stopping
            self._supervisor.start("feed-end", lambda loop: self._close_at(stopping, loop))

    def _read(self, loop: Loop) -> None:
        while True:
            if not self._wanted.is_set():
                loop.idle()
                self._wanted.wait()
                loop.begin()
            try:
                batch = self._feed.wait(self._position, _POLL)
            except StoreUnavailableError as error:
                _log.warning("the feed can't be read: %s", error.detail)
                self._failing_since = self._failing_since or time.monotonic()
                loop.progress()
                time.sleep(_PAUSE_AFTER_FAILURE)
                continue
            self._failing_since = None
            self._behind = max(0.0, time.time() - batch.events[0].at) if batch.events else 0.0
            for event in batch.events:
                self._advance(event.id)  # first, so that one that fails is not read again for ever
                self._hand_out(Delivery(event, self._encode))
            self._advance(batch.position)
            loop.progress()

    def _advance(self, position: str) -> None:
        with self._lock:
            self._position = max(self._position, position, key=order)

    def _hand_out(self, delivery: Delivery) -> None:
        event = delivery.event
        context, call_id = event.client_context, event.call_id
        for interest in {Interest(), Interest(context), Interest("", call_id), Interest(context, call_id)}:
            for subscription in tuple(self._buckets.get(interest, ())):
                subscription.offer(delivery)

    def _close_at(self, stopping: Stopping, loop: Loop) -> None:
        loop.idle()
        stopping.wait()
        with self._lock:
            for bucket in self._buckets.values():
                for subscription in bucket:
                    subscription.close()
