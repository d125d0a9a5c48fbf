"""`GET /events`: a live stream of changes, as server-sent events.

Reconnection: https://html.spec.whatwg.org/multipage/server-sent-events.html. An event's id is its position in the
feed, so any process can continue a stream that another has begun.
"""

from typing import Final

from flask import Blueprint, Response, request

from receiver.errors import TooManyWaitingError
from receiver.graph.resource_addresses import normalize_id
from receiver.store.feed import Feed
from receiver.store.reader import Reader
from receiver.web.auth.authorizer import Authorizer
from receiver.web.live.event_stream import EventStream
from receiver.web.live.hub import Hub
from receiver.web.live.listener import Interest, Listener
from receiver.web.live.long_poll import stopping
from receiver.web.openapi import READ, Answer, describe
from receiver.web.openapi.event_data import EVENTS
from receiver.web.openapi.route_parameters import LAST_EVENT_ID, only

_EVENT_STREAM: Final = "text/event-stream"


class EventRoutes:
    """The route of the live stream.

    Args:
        reader: reads the present state.
        feed: reads the events that a reconnecting client has missed.
        hub: hands out new events.
        authorizer: checks the scopes of requests.
    """

    def __init__(self, reader: Reader, feed: Feed, hub: Hub, authorizer: Authorizer) -> None:
        self._reader = reader
        self._feed = feed
        self._hub = hub
        self._authorizer = authorizer

    def blueprint(self) -> Blueprint:
        """Return the blueprint with this route."""
        blueprint = Blueprint("events", __name__)
        blueprint.get("/events")(self.stream)
        return blueprint

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
    def stream(self) -> Response:
        """Stream changes, as server-sent events.

        An event is an `operation`, a `call` or a `change` (a change notification); its `data` is what `GET` of it
        returns, without secrets. A client that chooses a client context or a call first gets its present operations.
        A client that reconnects with `Last-Event-ID` continues after that event; where the feed does not hold all
        that followed, it gets `reset`, then the newest operations. `bookmark` has only an `id` to continue from, and
        `data: {}`. Ignore types of events that you do not know. A comment line comes at least every 15 seconds.
        A stream that was opened with a session of the page ends with that session.
        """
        self._authorizer.require("read")
        session = self._authorizer.session()
        listener = self._subscribe(session)
        events = EventStream(
            listener, self._reader, self._feed, lambda: self._authorizer.is_open(session)
        ).frames(request.headers.get("Last-Event-ID", ""))
        response = Response(events, content_type=f"{_EVENT_STREAM}; charset=utf-8")
        response.call_on_close(lambda: self._hub.unsubscribe(listener))
        response.headers["Cache-Control"] = "no-cache, no-transform"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would collect it first
        return response

    def _subscribe(self, session: str) -> Listener:
        """Return a listener for the events that the request's arguments choose, from the feed's end on."""
        interest = Interest(
            request.args.get("clientContext", ""), normalize_id(request.args.get("callId", ""))
        )
        known, position = self._hub.position, self._feed.position()
        self._hub.compare(known, position)
        listener = self._hub.subscribe("stream", interest, position, stopping(), session)
        listener.skip_to(position)
        return listener
