"""The hub: one reader of the feed for all clients that wait and stream in this process.

A thousand clients cost one connection to Redis. The hub hands every batch of events to every listener without waiting
for any client. If it has missed events, it starts over at the feed's end, and every listener gets a gap.
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
"""Seconds that one read of the feed blocks; also the longest time until a feed whose ids went back is noticed."""

_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 2.0
"""Seconds; the pause after a failure doubles up to this."""

_log: Final = logging.getLogger(__name__)


class Stopping(Protocol):
    """An event that is set when the process stops."""

    def is_set(self) -> bool:
        """Return whether it is set."""

    def wait(self, timeout: float | None = None) -> object:
        """Return when it is set."""


class Hub:
    """Hands the feed's events to listeners.

    Args:
        feed: waits for entries on a connection of its own; it is read only while there are listeners.
        encode: makes the frame of an event.
        most: the limit of listeners (RECEIVER_MAX_WAITING).
        supervisor: runs the background loops; by default one of its own.
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
        self._has_listeners = threading.Event()
        self._buckets: dict[Interest, set[Listener]] = {}
        self._counts: Counter[Kind] = Counter()
        self._behind = 0.0
        self._failing_since: float | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._position = START
        self._is_reading = False
        self._stopping: Stopping | None = None

    @property
    def position(self) -> str:
        """The position up to which the feed has been read."""
        return self._position

    def compare(self, known: str, newest: str) -> None:
        """Start over at once if the feed's newest id is behind a position that was known before the id was read."""
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
        """Return a listener that collects events from now on; end it with `unsubscribe`.

        If the hub reads the feed already, the events begin at its position, perhaps after `position`: compare it with
        the listener's.

        Args:
            kind: whether the client streams or waits.
            interest: which events.
            position: the feed's end a moment ago.
            stopping: set when the process stops; it closes all listeners.
            session: SHA-256 of the id of the session that authorized the client; its end closes the listener.

        Raises:
            TooManyWaitingError: the limit of listeners is reached.
        """
        with self._lock:
            if self.count >= self._most:
                raise TooManyWaitingError(
                    "Too many clients wait and stream at this process (RECEIVER_MAX_WAITING). "
                    "Ask without waiting, or later.",
                    retry_after=5,
                )
            self._start_loops(stopping)
            if not self.count:
                self._position = position
            listener = Listener(interest, self._position, kind, session)
            self._buckets.setdefault(interest, set()).add(listener)
            self._counts[kind] += 1
            self._has_listeners.set()
        if stopping is not None and stopping.is_set():
            listener.close()
        return listener

    def unsubscribe(self, listener: Listener) -> None:
        """Remove a listener; removing it again does nothing."""
        with self._lock:
            bucket = self._buckets.get(listener.interest, set())
            if listener not in bucket:
                return
            bucket.remove(listener)
            if not bucket:
                del self._buckets[listener.interest]
            self._counts[listener.kind] -= 1
            if not self.count:
                self._has_listeners.clear()

    @property
    def count(self) -> int:
        """The number of listeners now."""
        return self._counts.total()

    def count_of(self, kind: Kind) -> int:
        """Return the number of listeners of a kind now."""
        return self._counts[kind]

    @property
    def is_failing(self) -> bool:
        """Whether the last read of the feed failed."""
        return self._failing_since is not None

    @property
    def lag(self) -> float:
        """Seconds by which waiting and streaming clients get events late, by this machine's clock."""
        if not self.count:
            return 0.0
        failing_since = self._failing_since
        return self._behind if failing_since is None else time.monotonic() - failing_since

    def _start_loops(self, stopping: Stopping | None) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._supervisor.start("feed-reader", self._read)
        if stopping is not None and self._stopping is None:
            self._stopping = stopping
            self._supervisor.start("feed-closer", lambda loop: self._close_all_at(stopping, loop))

    def _read(self, loop: Loop) -> None:
        while True:
            if not self._has_listeners.is_set():
                loop.idle()
                self._has_listeners.wait()
                loop.begin()
            after = self._position
            try:
                batch = self._feed.wait(after, _POLL_SECONDS)
            except StoreUnavailableError as error:
                self._pause_after(error)
            else:
                self._take(batch, after)
            loop.progress()

    def _pause_after(self, error: StoreUnavailableError) -> None:
        if self._failing_since is None:
            _log.warning(
                "the feed cannot be read, so waits and streams are late; check the store: %s", error.detail
            )
            self._failing_since = time.monotonic()
        time.sleep(self._pause)
        self._pause = min(_LONGEST_PAUSE_SECONDS, 2 * self._pause)

    def _take(self, batch: FeedBatch, after: str) -> None:
        """Hand out a batch that was read after a position."""
        self._failing_since, self._pause = None, _FIRST_PAUSE_SECONDS
        self._behind = max(0.0, time.time() - batch.events[0].at) if batch.events else 0.0
        with self._lock:
            if self._position != after:
                return  # all clients had left, and a new one begins elsewhere: the next read has its events
            self._position = batch.position
        if batch.has_gap:
            self._start_over(batch.position, after)
            return
        for listener in self._listeners() if batch.ended_sessions else ():
            if listener.session in batch.ended_sessions:
                listener.close()
        try:
            for event in batch.events:
                self._hand_out(ListenerEvent(event, self._encode))
        except Exception:
            self._start_over(batch.position, after)
            raise

    def _hand_out(self, listener_event: ListenerEvent) -> None:
        event = listener_event.event
        context, call_id = event.client_context, event.call_id
        for interest in {Interest(), Interest(context), Interest("", call_id), Interest(context, call_id)}:
            for listener in tuple(self._buckets.get(interest, ())):
                listener.offer(listener_event)

    def _start_over(self, position: str, after: str) -> None:
        _log.warning("events after %s are missing: waits and streams start over at %s", after, position)
        for listener in self._listeners():
            listener.start_over(position)

    def _listeners(self) -> Iterator[Listener]:
        with self._lock:
            found = [listener for bucket in self._buckets.values() for listener in bucket]
        yield from found

    def _close_all_at(self, stopping: Stopping, loop: Loop) -> None:
        loop.idle()
        stopping.wait()
        for listener in self._listeners():
            listener.close()
