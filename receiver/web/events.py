"""`GET /events`: a live stream of what changes, as server-sent events.

Format and reconnection: https://html.spec.whatwg.org/multipage/server-sent-events.html. An event's id is the
feed's own, so any process can go on where another has stopped.
"""

import re
from collections.abc import Iterator
from typing import Final

import orjson
from flask import Blueprint, Response, request

from receiver.errors import StoreUnavailableError, TooManyWaitingError
from receiver.graph.addresses import normalize_id
from receiver.store.feed import Feed, FeedEvent, order
from receiver.store.reader import OperationFilter, Reader
from receiver.store.records import CallRecord, OperationRecord
from receiver.web import representation
from receiver.web.access import Gate
from receiver.web.hub import Hub, Interest, Subscription
from receiver.web.openapi import READ, Answer, describe
from receiver.web.openapi.parameters import LAST_EVENT_ID, only
from receiver.web.waiting import stopping

HEARTBEAT: Final = 15.0
"""Seconds between comment lines where nothing happens: routers cut what is silent for 55 s."""

_STREAM_TYPE: Final = "text/event-stream; charset=utf-8"
_RECONNECT: Final = 3000
_SNAPSHOT: Final = 200
_ID: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


def make_events(reader: Reader, feed: Feed, hub: Hub, gate: Gate) -> Blueprint:
    """Make the route of the live stream.

    Args:
        reader: reads the present state.
        feed: reads what was missed.
        hub: tells what changes.
        gate: who may listen.
    """
    blueprint = Blueprint("events", __name__)

    @blueprint.get("/events")
    @describe(
        READ,
        {200: Answer("The stream, until one side ends it.", media_type=_STREAM_TYPE)},
        parameters=(
            only("clientContext", "Only the operations of this client context."),
            only("callId", "Only this call and its operations."),
            LAST_EVENT_ID,
        ),
        problems=(TooManyWaitingError,),
    )
    def listen() -> Response:
        """Listen to what changes, as server-sent events.

        An event is an `operation`, a `call` or a `change` (a change notification); its `data` is what `GET` tells of
        it, without secrets. Who has chosen a client context or a call first gets its present operations. Who comes
        again with `Last-Event-ID` goes on where he was; if more has happened than the feed holds, he gets `reset` and
        then the newest operations. A comment line comes at least every 15 seconds.
        """
        gate.require("read")
        interest = Interest(
            request.args.get("clientContext", ""), normalize_id(request.args.get("callId", ""))
        )
        given = request.headers.get("Last-Event-ID", "")
        last_id = given if _ID.fullmatch(given) else ""
        subscription = hub.subscribe("stream", interest, feed, stopping())
        stream = _Stream(subscription, reader, feed)
        response = Response(stream.frames(last_id), content_type=_STREAM_TYPE)
        response.call_on_close(lambda: hub.unsubscribe(subscription))
        response.headers["Cache-Control"] = "no-cache, no-transform"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would collect it first
        return response

    return blueprint


def encode(event: FeedEvent) -> bytes:
    """Write an event as a frame: what `GET` of the thing would tell, without secrets."""
    changed = event.changed
    if isinstance(changed, OperationRecord):
        return _frame("operation", representation.operation(changed), event.id)
    if isinstance(changed, CallRecord):
        return _frame("call", representation.call(changed), event.id)
    return _frame("change", representation.change(changed), event.id)


class _Stream:
    """One reader's stream: what he missed, or the present, and then what comes."""

    def __init__(self, subscription: Subscription, reader: Reader, feed: Feed) -> None:
        self._subscription = subscription
        self._reader = reader
        self._feed = feed
        self._told: dict[int, int] = {}
        """Revisions of the present, by record number: news of them on its way is old."""

    def frames(self, last_id: str) -> Iterator[bytes]:
        """Yield the stream.

        Args:
            last_id: the id of the last event that the reader has seen; empty, if he is new.
        """
        try:
            position = last_id or self._now()
            # Of a reader who gets the present first, what he has seen begins behind it.
            seen = position if last_id or self._subscription.interest == Interest() else ""
            yield b"retry: %d\n%s\n" % (_RECONNECT, _id(seen))
            yield from self._beginning(last_id, position)
        except StoreUnavailableError:
            return  # he comes again by himself, with the id that he has
        while not self._subscription.closed:
            deliveries = self._subscription.take(HEARTBEAT)
            frames = [delivery.frame for delivery in deliveries if not self._is_old(delivery.event)]
            if frames or not deliveries:
                yield b"".join(frames) or b":\n\n"

    def _now(self) -> str:
        """Return where the feed is, and begin there: the hub may have yet to read what came a moment ago."""
        position = self._feed.position()
        self._subscription.skip_to(position)
        return position

    def _beginning(self, last_id: str, position: str) -> Iterator[bytes]:
        if last_id and self._feed.holds(last_id):
            self._subscription.skip_to(last_id)
            yield from self._missed(last_id)
        elif last_id:
            yield from self._present(self._now(), reset=True)
        elif self._subscription.interest != Interest():
            yield from self._present(position, reset=False)

    def _missed(self, last_id: str) -> Iterator[bytes]:
        position, until = last_id, self._subscription.position
        while order(position) < order(until):
            batch = self._feed.between(position, until)
            position = batch.position
            yield b"".join(
                encode(event) for event in batch.events if self._subscription.interest.admits(event)
            )

    def _present(self, position: str, *, reset: bool) -> Iterator[bytes]:
        """Yield the newest operations, the oldest of them first; before them, if wanted, that this is a reset.

        Only behind the last of them stands an id: whom the connection breaks off before gets all of them again.
        """
        if reset:
            yield _frame("reset", {"reason": "more has happened than the feed still holds"})
        interest = self._subscription.interest
        chosen = OperationFilter(client_context=interest.client_context, call_id=interest.call_id)
        present = self._reader.operations(chosen, limit=_SNAPSHOT).operations[::-1]
        self._told = {record.number: record.revision for record in present}
        frames = [_frame("operation", representation.operation(record)) for record in present]
        yield b"".join([*frames, _id(position), b"\n"])

    def _is_old(self, event: FeedEvent) -> bool:
        record = event.changed
        return isinstance(record, OperationRecord) and record.revision <= self._told.get(record.number, 0)


def _frame(kind: str, document: object, event_id: str = "") -> bytes:
    return b"%sevent: %s\ndata: %s\n\n" % (_id(event_id), kind.encode(), orjson.dumps(document))


def _id(event_id: str) -> bytes:
    return b"id: %s\n" % event_id.encode() if event_id else b""
