"""A subscription: the events that one waiting or streaming client has yet to take from the hub."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from receiver.store.feed import FeedEvent, order

_MOST_PENDING: Final = 1000
"""Events that one client may leave untaken; one more ends its stream, or lets its wait read the state again."""

Kind = Literal["stream", "waiter"]


@dataclass(frozen=True, slots=True)
class Interest:
    """Which events a subscription gets; what is empty does not filter."""

    client_context: str = ""
    call_id: str = ""

    def admits(self, event: FeedEvent) -> bool:
        """Return whether an event is of interest."""
        return self.client_context in {"", event.client_context} and self.call_id in {"", event.call_id}


class ListenerEvent:
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


class Listener:
    """What one waiting or streaming client has yet to take.

    Args:
        interest: which events.
        position: the feed's id after which the events come.
        kind: what the client does.
        session: SHA-256 of the id of the session that the client was let in by; empty where it has a key.
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
        """Leave out events up to a position: the client has their outcome already."""
        with self._lock:
            self.position = max(self.position, position, key=order)
            self._after = order(self.position)
            self._pending = deque(one for one in self._pending if one.order > self._after)

    def offer(self, listener_event: ListenerEvent) -> None:
        """Append an event. Where too many are pending, a stream is closed, and a waiter gets a gap."""
        with self._lock:
            if listener_event.order <= self._after:
                return
            if len(self._pending) < _MOST_PENDING:
                self._pending.append(listener_event)
            elif self.kind == "stream":
                self.closed = True
            else:
                self._drop_until(listener_event.event.id)
        self._changed.set()

    def start_over(self, position: str) -> None:
        """Drop what is pending: events are missing, and those that follow come after a position."""
        with self._lock:
            self._drop_until(position)
        self._changed.set()

    def close(self) -> None:
        """End it; the client that takes from it returns."""
        self.closed = True
        self._changed.set()

    def take(self, seconds: float) -> list[ListenerEvent] | None:
        """Wait for events, and return them; none where the time is over or the subscription is closed.

        Returns:
            None where events are missing: read the present state, which `position` comes before.
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
