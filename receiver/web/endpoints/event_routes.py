"""`GET /events`: a live stream of what changes, as server-sent events.

Format and reconnection: https://html.spec.whatwg.org/multipage/server-sent-events.html. An event's id is the
feed's own, so any process can go on where another has stopped.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import orjson
from flask import Blueprint, Response, request

from receiver.errors import StoreUnavailableError, TooManyWaitingError
from receiver.graph.resource_addresses import normalize_id
from receiver.store.feed import Changed, Feed, FeedEvent, order
from receiver.store.reader import OperationFilter, Reader
from receiver.store.records import CallRecord, OperationRecord
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.live.hub import Hub
from receiver.web.live.listener import Interest, Listener
from receiver.web.live.long_poll import stopping
from receiver.web.openapi import READ, Answer, describe
from receiver.web.openapi.event_data import EVENTS
from receiver.web.openapi.route_parameters import LAST_EVENT_ID, only

HEARTBEAT: Final = 15.0
"""Seconds between comment lines where nothing happens: routers cut what is silent for 55 s.

At least as often a stream that was opened with a session looks whether that still counts."""

_KEEP_ALIVE: Final = b":\n"
"""A comment line. A blank line after it would be an empty event for clients that go on with the last event's id."""

_EVENT_STREAM: Final = "text/event-stream"
_RECONNECT: Final = 3000
_SNAPSHOT: Final = 200
_ID: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")

_log: Final = logging.getLogger(__name__)


def make_events(reader: Reader, feed: Feed, hub: Hub, authorizer: Authorizer) -> Blueprint:
    """Make the route of the live stream.

    Args:
        reader: reads the present state.
        feed: reads what a client that comes again has missed.
        hub: hands out what changes.
        authorizer: which clients may listen.
    """
    blueprint = Blueprint("events", __name__)

    @blueprint.get("/events")
    @describe(
        READ,
        {200: Answer("The stream, until one side ends it.", media_type=_EVENT_STREAM, events=EVENTS)},
        parameters=(
            only("clientContext", "Only the operations of this client context."),
            only("callId", "Only this call and its operations."),
            LAST_EVENT_ID,
        ),
        problems=(TooManyWaitingError,),
    )
    def listen() -> Response:
        """Stream what changes, as server-sent events.

        An event is an `operation`, a `call` or a `change` (a change notification); its `data` is what `GET` of it
        answers, without secrets. A client that chooses a client context or a call first gets its present operations.
        A client that connects again with `Last-Event-ID` goes on after that event; where the feed does not hold all
        that followed, it gets `reset`, then the newest operations. `bookmark` has only an `id` to go on from, and
        `data: {}`. Ignore types of events that you do not know. A comment line comes at least every 15 seconds.
        A stream that was opened with a session of the page ends with that session.
        """
        authorizer.require("read")
        interest = Interest(
            request.args.get("clientContext", ""), normalize_id(request.args.get("callId", ""))
        )
        session = authorizer.session()
        known, position = hub.position, feed.position()
        hub.compare(known, position)
        listener = hub.subscribe("stream", interest, position, stopping(), session)
        stream = _Stream(listener, reader, feed, lambda: authorizer.is_open(session))
        listener.skip_to(position)
        frames = stream.frames(request.headers.get("Last-Event-ID", ""))
        response = Response(frames, content_type=f"{_EVENT_STREAM}; charset=utf-8")
        response.call_on_close(lambda: hub.unsubscribe(listener))
        response.headers["Cache-Control"] = "no-cache, no-transform"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would collect it first
        return response

    return blueprint


def encode(event: FeedEvent) -> bytes:
    """Write an event as a frame: what `GET` of the thing would answer, without secrets.

    One that can't be written is left out, and logged: else every stream would break off there, again and again.
    """
    try:
        return _frame(*_document(event.changed), event.id)
    except Exception:  # noqa: BLE001 - logged with its traceback
        _log.exception("skipped an event that can't be written: %s", event.id)
        return b""


class _Stream:
    """One client's stream: what it missed, or the present, and then what comes.

    Args:
        listener: collects what comes.
        reader: reads the present.
        feed: reads what the client has missed.
        may_listen: whether the client still may.
    """

    def __init__(
        self, listener: Listener, reader: Reader, feed: Feed, may_listen: Callable[[], bool]
    ) -> None:
        self._listener = listener
        self._reader = reader
        self._feed = feed
        self._may_listen = may_listen
        self._looked_at = -HEARTBEAT
        self._sent: dict[int, int] = {}
        """Revisions of the present, by record number: events of them on their way are old."""

    def frames(self, last_id: str) -> Iterator[bytes]:
        """Yield the stream.

        Args:
            last_id: the id of the last event that the client has seen; empty, if it is new.
        """
        yield b"retry: %d\n" % _RECONNECT
        try:
            if self._is_over():
                return
            yield from self._beginning(last_id)
            while not self._is_over():
                listener_events = self._listener.take(HEARTBEAT)
                if listener_events is None:
                    yield from self._reset()
                elif frames := b"".join(one.frame for one in listener_events if not self._is_old(one.event)):
                    yield frames
                elif not listener_events:
                    yield _KEEP_ALIVE
        except StoreUnavailableError:
            return  # the client connects again by itself, with the id that it has

    def _is_over(self) -> bool:
        """Return whether the stream must end; once in a while look whether the client still may listen."""
        now = time.monotonic()
        if now - self._looked_at >= HEARTBEAT:
            self._looked_at = now
            with suppress(StoreUnavailableError):  # without the store there are no events either
                if not self._may_listen():
                    return True
        return self._listener.closed

    def _beginning(self, last_id: str) -> Iterator[bytes]:
        position = self._listener.position
        if last_id:
            yield from self._missed(last_id) if _ID.fullmatch(last_id) else self._reset()
        elif self._listener.interest == Interest():
            yield _bookmark(position)
        else:
            yield from self._present(position)

    def _missed(self, last_id: str) -> Iterator[bytes]:
        position, until = last_id, self._listener.position
        while True:
            batch = self._feed.between(position, until)
            if batch.has_gap:
                yield from self._reset()
                return
            position = batch.position
            frames = b"".join(encode(event) for event in batch.events if self._admits(event))
            if frames:
                yield frames
            if order(position) >= order(until):
                yield _bookmark(until)
                return
            if self._is_over():
                return

    def _reset(self) -> Iterator[bytes]:
        yield _frame("reset", {"reason": "more has happened than the feed still holds"})
        yield from self._present(self._listener.position)

    def _present(self, position: str) -> Iterator[bytes]:
        """Yield the newest operations, the oldest of them first, as they are now or later.

        Only the last of them has an id: a client that is disconnected before it gets all of them again.

        Args:
            position: from where on the subscription has what comes.
        """
        interest = self._listener.interest
        chosen = OperationFilter(client_context=interest.client_context, call_id=interest.call_id)
        present = self._reader.operations(chosen, limit=_SNAPSHOT).operations[::-1]
        self._sent = {record.number: record.revision for record in present}
        frames = [_frame("operation", representation.operation(record)) for record in present]
        yield b"".join([*frames, _bookmark(position)])

    def _admits(self, event: FeedEvent) -> bool:
        return self._listener.interest.admits(event)

    def _is_old(self, event: FeedEvent) -> bool:
        record = event.changed
        return isinstance(record, OperationRecord) and record.revision <= self._sent.get(record.number, 0)


def _document(changed: Changed) -> tuple[str, object]:
    if isinstance(changed, OperationRecord):
        return "operation", representation.operation(changed)
    if isinstance(changed, CallRecord):
        return "call", representation.call(changed)
    return "change", representation.change(changed)


def _bookmark(position: str) -> bytes:
    """Write an event that carries only a position.

    It has data, and keep-alives have no blank line: clients such as httpx-sse take a block without data for an event.
    """
    return _frame("bookmark", {}, position)


def _frame(kind: str, document: object, event_id: str = "") -> bytes:
    name = b"id: %s\n" % event_id.encode() if event_id else b""
    return b"%sevent: %s\ndata: %s\n\n" % (name, kind.encode(), orjson.dumps(document))
