"""A listener: the events that one waiting or streaming client has not yet taken from the hub."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from receiver.store.feed import FeedEvent, order

_MAX_PENDING: Final = 1000
"""Events that a client may leave untaken; one more ends its stream, or makes its long poll read the state again."""

Kind = Literal["stream", "long_poll"]


@dataclass(frozen=True, slots=True)
class Interest:
    """The events that a listener gets; an empty member does not filter."""

    client_context: str = ""
    call_id: str = ""

    def admits(self, event: FeedEvent) -> bool:
        """Return whether a listener with this interest gets an event."""
        return self.client_context in {"", event.client_context} and self.call_id in {"", event.call_id}


class ListenerEvent:
    """An event with its frame on the wire, which is made once for all streams that send it."""

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


class Listener:
    """Collects events for one waiting or streaming client.

    Args:
        interest: which events.
        position: the feed's id after which the events begin.
        kind: whether the client streams or waits.
        session: SHA-256 of the id of the session that authorized the client; empty for one with an API key.
    """

    def __init__(self, interest: Interest, position: str, kind: Kind, session: str = "") -> None:
        self.kind = kind
        self.interest = interest
        self.position = position
        self.session = session
        self.closed = False
        self._after = order(position)
        self._pending: deque[ListenerEvent] = deque()
        self._has_gap = False
        self._lock = threading.Lock()
        self._changed = threading.Event()

    def skip_to(self, position: str) -> None:
        """Drop events up to a position: the client has their outcome already."""
        with self._lock:
            self.position = max(self.position, position, key=order)
            self._after = order(self.position)
            self._pending = deque(one for one in self._pending if one.order > self._after)

    def offer(self, listener_event: ListenerEvent) -> None:
        """Append an event. If too many are pending, close a stream, and record a gap for a long poll."""
        with self._lock:
            if listener_event.order <= self._after:
                return
            if len(self._pending) < _MAX_PENDING:
                self._pending.append(listener_event)
            elif self.kind == "stream":
                self.closed = True
            else:
                self._drop_until(listener_event.event.id)
        self._changed.set()

    def start_over(self, position: str) -> None:
        """Drop pending events and record a gap: events are missing up to a position."""
        with self._lock:
            self._drop_until(position)
        self._changed.set()

    def close(self) -> None:
        """Close the listener, so that its client stops taking events."""
        self.closed = True
        self._changed.set()

    def take(self, seconds: float) -> list[ListenerEvent] | None:
        """Wait for events, and return them; an empty list after the time or when the listener is closed.

        Returns:
            None where events are missing: read the present state, then the events after `position`.
        """
        if self._changed.wait(seconds):
            self._changed.clear()
        with self._lock:
            if self._has_gap:
                self._has_gap = False
                return None
            taken = list(self._pending)
            self._pending.clear()
        return taken

    def _drop_until(self, position: str) -> None:
        self._pending.clear()
        self._has_gap = True
        self.position = position
        self._after = order(position)
