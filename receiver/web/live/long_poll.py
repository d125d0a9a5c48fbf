"""Long polls: wait for the result of an operation, at most 25 s, since platform routers end a response at 30.

A client asks for one by `Prefer: wait=N` (RFC 7240) or `?wait=N`. When the time is over, the response is the latest
state, never an error.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeAlias

from flask import Response

from receiver.errors import BadRequestError, StoreUnavailableError
from receiver.server.environ_names import STOPPING
from receiver.store.feed import order
from receiver.store.reader import Reader
from receiver.store.records import OperationRecord
from receiver.store.snapshots import Snapshots
from receiver.web.live.hub import Hub, Stopping
from receiver.web.live.listener import Interest, Listener
from receiver.web.middleware.request_context import query_argument, wsgi_environ
from receiver.web.preferences import read_preference

MAX_WAIT: Final = 25
"""Seconds; the longest wait of one request."""

_SECONDS: Final = re.compile(r"[0-9]+")

_READ_AGAIN_SECONDS: Final = 0.5
"""Seconds between attempts to read the state after missed events, while the store is unavailable."""

EndsWait: TypeAlias = Callable[[OperationRecord | None], bool]
"""Returns whether a state ends the wait."""


def requested_wait() -> int:
    """Return the seconds that the request asks to wait, at most 25.

    Raises:
        BadRequestError: `?wait=` is not a whole number from 0 to 25. A preference is never rejected (RFC 7240, 2):
            without a number it is ignored, and a longer one means 25 s, as `Preference-Applied` reports.
    """
    text = query_argument("wait")
    if text is None:
        return _preferred_wait() or 0
    if not _SECONDS.fullmatch(text) or (seconds := _capped(text)) > MAX_WAIT:
        raise BadRequestError(
            f"`wait` must be a whole number of seconds from 0 to {MAX_WAIT}. "
            "To wait longer, ask again after the response."
        )
    return seconds


def add_applied_preference(response: Response) -> Response:
    """Add `Preference-Applied` to a response, if the wait was asked for by `Prefer`."""
    response.headers.add("Vary", "Prefer")
    if _preferred_wait() is not None and query_argument("wait") is None:
        response.headers["Preference-Applied"] = f"wait={requested_wait()}"
    return response


def stopping() -> Stopping | None:
    """Return the event that ends waits and streams when this process stops; None if the server has none."""
    event: Stopping | None = wsgi_environ().get(STOPPING)
    return event


class LongPoll:
    """Waits for the result of an operation, which may arrive at any process on any machine.

    A wait reads the store once when it begins and once when it ends; in between it gets changes from the hub.

    Args:
        reader: reads the state for requests that do not wait.
        snapshots: reads the state and the feed's position for requests that wait.
        hub: hands out changes.
    """

    def __init__(self, reader: Reader, snapshots: Snapshots, hub: Hub) -> None:
        self._reader = reader
        self._snapshots = snapshots
        self._hub = hub

    def latest(self, client_context: str, seconds: float, ends_wait: EndsWait) -> OperationRecord | None:
        """Return the latest operation of a client context once it ends the wait, or when the time is over.

        Raises:
            TooManyWaitingError: RECEIVER_MAX_WAITING clients wait and stream already.
            StoreUnavailableError: the store does not answer in time.
        """
        if not seconds:
            return self._reader.latest(client_context)
        until = time.monotonic() + seconds
        known, found = self._hub.position, self._snapshots.latest(client_context)
        if ends_wait(found.record):
            return found.record
        self._hub.compare(known, found.position)
        listener = self._hub.subscribe("long_poll", Interest(client_context), found.position, stopping())
        try:
            state = _WaitState(client_context, found.record, self._snapshots)
            if order(listener.position) > order(found.position):
                state.is_current = False  # there may have been events in between
            while not ends_wait(state.record) and not listener.closed:
                if (left := until - time.monotonic()) <= 0:
                    break
                state.update(listener, left)
            if not ends_wait(state.record) or not state.is_current:
                state.finish(feed_is_read=not self._hub.is_failing)
        finally:
            self._hub.unsubscribe(listener)
        return state.record


class _WaitState:
    """The latest operation of a client context, as one wait knows it."""

    def __init__(self, client_context: str, record: OperationRecord | None, snapshots: Snapshots) -> None:
        self.record = record
        self.is_current = True
        """Whether all events since the last read are in the record; else the store has to be read again."""

        self._client_context = client_context
        self._snapshots = snapshots

    def update(self, listener: Listener, seconds: float) -> None:
        """Apply the events of some seconds, at most; read the store only where events are not enough."""
        if not self.is_current:
            with suppress(StoreUnavailableError):
                self._read()
                return
            seconds = min(seconds, _READ_AGAIN_SECONDS)
        events = listener.take(seconds)
        if events is None:
            self.is_current = False
        for event in events or ():
            if isinstance(event.event.changed, OperationRecord):
                self._apply(event.event.changed)

    def finish(self, *, feed_is_read: bool) -> None:
        """Read once more, so that the result is what `GET` would return now; keep the record without the store.

        Raises:
            StoreUnavailableError: the store does not answer, and no state is known.
        """
        try:
            self._read()
        except StoreUnavailableError:
            if self.record is None and not (self.is_current and feed_is_read):
                raise

    def _apply(self, record: OperationRecord) -> None:
        known = self.record
        if known is None:
            self.record = replace(record, others=0)
        elif record.number == known.number:
            if record.revision > known.revision:
                self.record = replace(record, others=known.others)
        else:
            self.is_current = False  # only the store knows the number of others
            if record.number > known.number:
                self.record = record

    def _read(self) -> None:
        self.record = self._snapshots.latest(self._client_context).record
        self.is_current = True


def _preferred_wait() -> int | None:
    header = wsgi_environ().get("HTTP_PREFER")
    value = read_preference(header, "wait") if header else None
    return min(MAX_WAIT, _capped(value)) if value and _SECONDS.fullmatch(value) else None


def _capped(digits: str) -> int:
    """Return a number of any length as an int of at most MAX_WAIT + 1: Python parses no more than 4,300 digits."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= len(str(MAX_WAIT)) else MAX_WAIT + 1
