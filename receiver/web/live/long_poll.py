"""Waiting for an operation: at most 25 s, since platform routers cut an answer at 30.

Asked for by `Prefer: wait=N` (RFC 7240) or `?wait=N`. At the end the latest state is the answer, never an error.
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

_SECONDS: Final = re.compile(r"[0-9]+")

_READ_AGAIN_SECONDS: Final = 0.5
"""Pause between reads of a wait that missed events, while the store does not answer."""

Enough: TypeAlias = Callable[[OperationRecord | None], bool]
"""Returns whether a state ends a wait."""


def wanted_wait() -> int:
    """Return the seconds that the request wants to wait, at most 25.

    Raises:
        BadRequestError: `?wait=` is not a whole number from 0 to 25. A preference is never refused (RFC 7240, 2):
            without a number it is ignored, and a longer one means 25 s, as `Preference-Applied` says.
    """
    asked = query_argument("wait")
    if asked is None:
        return _preferred() or 0
    if not _SECONDS.fullmatch(asked) or (seconds := _capped(asked)) > MAX_WAIT:
        raise BadRequestError(
            f"`wait` must be a whole number of seconds from 0 to {MAX_WAIT}. "
            "To wait longer, ask again when the answer has come."
        )
    return seconds


def tell_preference(response: Response) -> Response:
    """Say in a response which preference was applied."""
    response.headers.add("Vary", "Prefer")
    if _preferred() is not None and query_argument("wait") is None:
        response.headers["Preference-Applied"] = f"wait={wanted_wait()}"
    return response


def stopping() -> Stopping | None:
    """Return what is set when this process is to end, where the server tells."""
    found: Stopping | None = wsgi_environ().get(STOPPING)
    return found


class Waiter:
    """Waits for what becomes of an operation, whose result may come to any process on any machine.

    A wait reads the store once at its beginning and once at its end; in between it is given what changes.

    Args:
        reader: reads the state for requests that do not wait.
        snapshots: reads it for those that do.
        hub: hands out what changes.
    """

    def __init__(self, reader: Reader, snapshots: Snapshots, hub: Hub) -> None:
        self._reader = reader
        self._snapshots = snapshots
        self._hub = hub

    def latest(self, client_context: str, seconds: float, enough: Enough) -> OperationRecord | None:
        """Return the latest operation of a client context as soon as it is enough, or when the time is over.

        Raises:
            TooManyWaitingError: too many wait already.
            StoreUnavailableError: the store doesn't answer in time.
        """
        if not seconds:
            return self._reader.latest(client_context)
        until = time.monotonic() + seconds
        known, found = self._hub.position, self._snapshots.latest(client_context)
        if enough(found.record):
            return found.record
        self._hub.compare(known, found.position)
        listener = self._hub.subscribe("waiter", Interest(client_context), found.position, stopping())
        try:
            wait = _Wait(client_context, found.record, self._snapshots)
            if order(listener.position) > order(found.position):
                wait.is_current = False  # something may have come in between
            while not enough(wait.record) and not listener.closed:
                if (left := until - time.monotonic()) <= 0:
                    break
                wait.go_on(listener, left)
            if not enough(wait.record) or not wait.is_current:
                wait.end(feed_is_read=not self._hub.is_failing)
        finally:
            self._hub.unsubscribe(listener)
        return wait.record


class _Wait:
    """What one wait knows of the latest operation of its client context."""

    def __init__(self, client_context: str, record: OperationRecord | None, snapshots: Snapshots) -> None:
        self.record = record
        self.is_current = True
        """Whether all events since the last read are in the record; else the store has to be read again."""

        self._client_context = client_context
        self._snapshots = snapshots

    def go_on(self, listener: Listener, seconds: float) -> None:
        """Take in what comes in some seconds, at most; read the store only where events don't say enough."""
        if not self.is_current:
            with suppress(StoreUnavailableError):
                self._read()
                return
            seconds = min(seconds, _READ_AGAIN_SECONDS)
        listener_events = listener.take(seconds)
        if listener_events is None:
            self.is_current = False
        for listener_event in listener_events or ():
            if isinstance(listener_event.event.changed, OperationRecord):
                self._take_in(listener_event.event.changed)

    def end(self, *, feed_is_read: bool) -> None:
        """Read once more, so that the answer is what `GET` would answer now; without the store, what is known.

        Raises:
            StoreUnavailableError: the store does not answer, and nothing is known.
        """
        try:
            self._read()
        except StoreUnavailableError:
            if self.record is None and not (self.is_current and feed_is_read):
                raise

    def _take_in(self, record: OperationRecord) -> None:
        known = self.record
        if known is None:
            self.record = replace(record, others=0)
        elif record.number == known.number:
            if record.revision > known.revision:
                self.record = replace(record, others=known.others)
        else:
            self.is_current = False  # how many others there are only the store knows
            if record.number > known.number:
                self.record = record

    def _read(self) -> None:
        self.record = self._snapshots.latest(self._client_context).record
        self.is_current = True


def _preferred() -> int | None:
    header = wsgi_environ().get("HTTP_PREFER")
    value = read_preference(header, "wait") if header else None
    return min(MAX_WAIT, _capped(value)) if value and _SECONDS.fullmatch(value) else None


def _capped(digits: str) -> int:
    """Read a number of any length; more than two digits are too many, and Python reads no more than 4,300."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= len(str(MAX_WAIT)) else MAX_WAIT + 1
