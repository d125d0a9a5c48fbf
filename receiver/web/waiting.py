"""Waiting for an operation: at most 25 s, since platform routers cut an answer at 30.

Asked for by `Prefer: wait=N` (RFC 7240) or `?wait=N`. At the end the latest state is the answer, never an error.
"""

import re
import time
from collections.abc import Callable
from typing import Final

from flask import Response

from receiver.errors import BadRequestError
from receiver.store.feed import Feed
from receiver.store.reader import Reader
from receiver.store.records import OperationRecord
from receiver.web.context import query_argument, wsgi_environ
from receiver.web.hub import Hub, Interest, Stopping
from receiver.web.preferences import read_preference

MAX_WAIT: Final = 25

STOPPING: Final = "receiver.stopping"
"""Where the server's WSGI environ has an event that is set when it is to end."""

_SECONDS: Final = re.compile(r"[0-9]+")


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


def tell_preference(response: Response) -> None:
    """Say in an answer which preference was followed."""
    response.headers.add("Vary", "Prefer")
    if _preferred() is not None and query_argument("wait") is None:
        response.headers["Preference-Applied"] = f"wait={wanted_wait()}"


def stopping() -> Stopping | None:
    """Return what is set when this process is to end, where the server tells."""
    found: Stopping | None = wsgi_environ().get(STOPPING)
    return found


class Waiter:
    """Waits for what becomes of an operation, which may be told to any process on any machine.

    Args:
        reader: asked for the state.
        feed: asked where the feed is.
        hub: tells when to ask again.
    """

    def __init__(self, reader: Reader, feed: Feed, hub: Hub) -> None:
        self._reader = reader
        self._feed = feed
        self._hub = hub

    def latest(
        self, client_context: str, seconds: float, enough: Callable[[OperationRecord | None], bool]
    ) -> OperationRecord | None:
        """Return the latest operation of a client context as soon as it is enough, or when the time is over.

        Raises:
            TooManyWaitingError: too many wait already.
            StoreUnavailableError: the store doesn't answer in time.
        """
        record = self._reader.latest(client_context)
        if not seconds or enough(record):
            return record
        deadline = time.monotonic() + seconds
        subscription = self._hub.subscribe("waiter", Interest(client_context), self._feed, stopping())
        try:
            record = self._reader.latest(client_context)  # it may have come before we subscribed
            while (
                not enough(record) and not subscription.closed and (left := deadline - time.monotonic()) > 0
            ):
                if subscription.take(left):
                    record = self._reader.latest(client_context)
        finally:
            self._hub.unsubscribe(subscription)
        return record


def _preferred() -> int | None:
    header = wsgi_environ().get("HTTP_PREFER")
    value = read_preference(header, "wait") if header else None
    return min(MAX_WAIT, _capped(value)) if value and _SECONDS.fullmatch(value) else None


def _capped(digits: str) -> int:
    """Read a number of any length; more than two digits are too many, and Python reads no more than 4,300."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= len(str(MAX_WAIT)) else MAX_WAIT + 1
