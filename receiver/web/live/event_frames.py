"""Server-sent events on the wire: a change of the feed, a bookmark and a reset as frames.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import logging
from typing import Final

import orjson

from receiver.store.feed import Changed, FeedEvent
from receiver.store.records import CallRecord, OperationRecord
from receiver.web import representation

KEEP_ALIVE: Final = b":\n"
"""A comment line. A blank line after it would be an empty event for clients that keep the last event's id."""

_RECONNECT_MILLISECONDS: Final = 3000
"""How long a client pauses before it connects again."""

RETRY: Final = b"retry: %d\n" % _RECONNECT_MILLISECONDS
"""The first line of a stream."""

_log: Final = logging.getLogger(__name__)


def encode(event: FeedEvent) -> bytes:
    """Write an event as a frame, whose data is what `GET` of the changed thing returns, without secrets.

    An event that cannot be written is skipped and logged: else every stream would break at it, again and again.
    """
    try:
        return _frame(*_document(event.changed), event.id)
    except Exception:  # noqa: BLE001 - logged with its traceback
        _log.exception("skipped an event that cannot be written: %s", event.id)
        return b""


def encode_state(record: OperationRecord) -> bytes:
    """Write the present state of an operation as a frame without an id."""
    return _frame("operation", representation.operation(record))


def encode_bookmark(position: str) -> bytes:
    """Write an event that carries only a position.

    It has data, and keep-alives have no blank line: clients such as httpx-sse take a block without data for an event.
    """
    return _frame("bookmark", {}, position)


def encode_reset() -> bytes:
    """Write the event that reports missing events to a client that reconnects."""
    return _frame("reset", {"reason": "more has happened than the feed still holds"})


def _document(changed: Changed) -> tuple[str, object]:
    if isinstance(changed, OperationRecord):
        return "operation", representation.operation(changed)
    if isinstance(changed, CallRecord):
        return "call", representation.call(changed)
    return "change", representation.change(changed)


def _frame(kind: str, document: object, event_id: str = "") -> bytes:
    name = b"id: %s\n" % event_id.encode() if event_id else b""
    return b"%sevent: %s\ndata: %s\n\n" % (name, kind.encode(), orjson.dumps(document))
