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

MAX_WAIT: Final = 25

STOPPING: Final = "receiver.stopping"
"""Where the server's WSGI environ has an event that is set when it is to end."""

_PREFERENCE: Final = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[,;]|$)', re.IGNORECASE)


def wanted_wait() -> int:
    """Return the seconds that the request wants to wait, at most 25.

    Raises:
        BadRequestError: `?wait=` is no whole number. A preference that is none is ignored, as RFC 7240 has it.
    """
    asked = query_argument("wait")
    if asked is not None:
        if not re.fullmatch(r"[0-9]{1,9}", asked):
            raise BadRequestError(f"wait is a number of seconds, at most {MAX_WAIT}.")
        return min(MAX_WAIT, int(asked))
    return min(MAX_WAIT, _preferred() or 0)


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
    preference = wsgi_environ().get("HTTP_PREFER")
    found = _PREFERENCE.search(preference) if preference else None
    return int(found[1]) if found else None
