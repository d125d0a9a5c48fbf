"""The hub: one reader of the feed for all clients that wait and stream in this process.

A thousand of them cost one connection to Redis. The hub hands every batch of events to every subscription without
waiting for any of them. Where it has missed events, it starts over at the feed's end, and every subscription
gets a gap.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from receiver.errors import StoreUnavailableError, TooManyWaitingError
from receiver.store.feed import START, Feed, FeedBatch, FeedEvent, order
from receiver.supervision import Loop, Supervisor
from receiver.web.live.listener import Interest, Kind, Listener, ListenerEvent

_POLL_SECONDS: Final = 1.0
"""How long one read of the feed waits at the server, and so how late a feed is noticed whose ids went back."""

_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 2.0
"""The pause after a failure doubles up to this."""

_log: Final = logging.getLogger(__name__)


class Stopping(Protocol):
    """Set when the process is to end."""

    def is_set(self) -> bool:
        """Return whether it is set."""

    def wait(self, timeout: float | None = None) -> object:
        """Return when it is set."""


class Hub:
    """Hands the feed's events to subscriptions.

    Args:
        feed: waits for entries on a link of its own; it is read only while there are subscriptions.
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
        self._buckets: dict[Interest, set[Listener]] = {}
        self._counts: Counter[Kind] = Counter()
        self._behind = 0.0
        self._failing_since: float | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._position = START
        self._reads = False
        self._stopping: Stopping | None = None

    @property
    def position(self) -> str:
        """Up to where the feed has been read."""
        return self._position

    def compare(self, known: str, newest: str) -> None:
        """Start over at once, where the feed's newest id is behind a position that was known before it was read."""
        if order(newest) >= order(known):
            return
        with self._lock:
            if self._position != known:
                return
            self._position = newest
        self._start_over(newest, known)

    def subscribe(
        self, kind: Kind, interest: Interest, position: str, stopping: Stopping | None, session: str = ""
    ) -> Listener:
        """Begin to collect events; end it with `unsubscribe`.

        Where the hub reads the feed already, the events begin where it is, perhaps after `position`: compare it with
        the subscription's.

        Args:
            kind: what the client does.
            interest: which events.
            position: where the feed was a moment ago.
            stopping: set when the process is to end; all subscriptions are closed then.
            session: SHA-256 of the id of the session that the client was let in by; with it the subscription ends.

        Raises:
            TooManyWaitingError: there are as many as may be.
        """
        with self._lock:
            if self.count >= self._most:
                raise TooManyWaitingError(
                    "As many wait and stream here as may (RECEIVER_MAX_WAITING). Ask without waiting, or later.",
                    retry_after=5,
                )
            self._watch(stopping)
            if not self.count:
                self._position = position
            listener = Listener(interest, self._position, kind, session)
            self._buckets.setdefault(interest, set()).add(listener)
            self._counts[kind] += 1
            self._wanted.set()
        if stopping is not None and stopping.is_set():
            listener.close()
        return listener

    def unsubscribe(self, listener: Listener) -> None:
        """Collect no more for a subscription; once is enough, twice does no harm."""
        with self._lock:
            bucket = self._buckets.get(listener.interest, set())
            if listener not in bucket:
                return
            bucket.remove(listener)
            if not bucket:
                del self._buckets[listener.interest]
            self._counts[listener.kind] -= 1
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
    def is_failing(self) -> bool:
        """Whether the feed could not be read at the last try."""
        return self._failing_since is not None

    @property
    def lag(self) -> float:
        """By how many seconds waiting and streaming clients get events late, by this machine's clock."""
        if not self.count:
            return 0.0
        failing_since = self._failing_since
        return self._behind if failing_since is None else time.monotonic() - failing_since

    def _watch(self, stopping: Stopping | None) -> None:
        if not self._reads:
            self._reads = True
            self._supervisor.start("feed-reader", self._read)
        if stopping is not None and self._stopping is None:
            self._stopping = stopping
            self._supervisor.start("feed-closer", lambda loop: self._close_at(stopping, loop))

    def _read(self, loop: Loop) -> None:
        while True:
            if not self._wanted.is_set():
                loop.idle()
                self._wanted.wait()
                loop.begin()
            asked = self._position
            try:
                batch = self._feed.wait(asked, _POLL_SECONDS)
            except StoreUnavailableError as error:
                self._pause_after(error)
            else:
                self._take(batch, asked)
            loop.progress()

    def _pause_after(self, error: StoreUnavailableError) -> None:
        if self._failing_since is None:
            _log.warning("the feed can't be read, waits and streams are late: %s", error.detail)
            self._failing_since = time.monotonic()
        time.sleep(self._pause)
        self._pause = min(_LONGEST_PAUSE_SECONDS, 2 * self._pause)

    def _take(self, batch: FeedBatch, asked: str) -> None:
        """Hand out a batch that was read after the position `asked`."""
        self._failing_since, self._pause = None, _FIRST_PAUSE_SECONDS
        self._behind = max(0.0, time.time() - batch.events[0].at) if batch.events else 0.0
        with self._lock:
            if self._position != asked:
                return  # all clients had left, and a new one has begun elsewhere: it gets its events by the next read
            self._position = batch.position
        if batch.has_gap:
            self._start_over(batch.position, asked)
            return
        for listener in self._listeners() if batch.ended_sessions else ():
            if listener.session in batch.ended_sessions:
                listener.close()
        try:
            for event in batch.events:
                self._hand_out(ListenerEvent(event, self._encode))
        except Exception:
            self._start_over(batch.position, asked)
            raise

    def _hand_out(self, listener_event: ListenerEvent) -> None:
        event = listener_event.event
        context, call_id = event.client_context, event.call_id
        for interest in {Interest(), Interest(context), Interest("", call_id), Interest(context, call_id)}:
            for listener in tuple(self._buckets.get(interest, ())):
                listener.offer(listener_event)

    def _start_over(self, position: str, before: str) -> None:
        _log.warning("events after %s are missing: waits and streams start over at %s", before, position)
        for listener in self._listeners():
            listener.start_over(position)

    def _listeners(self) -> Iterator[Listener]:
        with self._lock:
            found = [listener for bucket in self._buckets.values() for listener in bucket]
        yield from found

    def _close_at(self, stopping: Stopping, loop: Loop) -> None:
        loop.idle()
        stopping.wait()
        for listener in self._listeners():
            listener.close()
