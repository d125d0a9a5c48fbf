"""`POST /callback`: Graph tells of calls and operations (contract A of the wire)."""

import logging
from functools import partial
from typing import Final

import structlog
from flask import Blueprint, Response

from receiver.errors import (
    InvalidEnvelopeError,
    InvalidJSONError,
    PayloadTooLargeError,
    UnknownAppError,
    UnsupportedMediaTypeError,
)
from receiver.graph.call_notifications import is_old_skype_call, read_notification
from receiver.graph.envelope import quarantine_body, quarantine_item
from receiver.graph.privacy import loggable
from receiver.graph.updates import (
    CallUpdate,
    Notification,
    OperationUpdate,
    ParticipantNotification,
    RosterDelta,
    RosterUpdate,
    Unreadable,
)
from receiver.metrics.counters import Counters
from receiver.spool.intake import NotificationSink
from receiver.store.writer import Item
from receiver.tracing import Tracing
from receiver.trust.callback_tokens import TokenVerifier
from receiver.web.middleware.request_context import note, time_left, time_taken, vouch, wsgi_environ
from receiver.web.openapi import GRAPH, STORE, Answer, describe
from receiver.web.openapi.body_schemas import CALL_NOTIFICATIONS
from receiver.web.openapi.route_parameters import VALIDATION_TOKEN
from receiver.web.request_bodies import RequestBody, handshake, read_json
from receiver.web.request_ids import make_id

_log: Final = structlog.get_logger("receiver.callback")

ACCEPTED: Final = 202
_ACCEPTED: Final = Response(status=ACCEPTED)
"""Shared by all requests: no hook or view changes it."""

del _ACCEPTED.headers["Content-Type"]  # there is no body

_REASONS: Final[dict[type[Exception], str]] = {
    InvalidJSONError: "a body that is not JSON",
    PayloadTooLargeError: "a body over the size limit",
    UnsupportedMediaTypeError: "a body of another media type or encoding",
}
"""Why the quarantine has a body that was refused: a closed set, since the metrics count by it."""


def make_callback(
    verifier: TokenVerifier, sink: NotificationSink, counters: Counters, tracing: Tracing
) -> Blueprint:
    """Make the callback's routes.

    Args:
        verifier: tells who speaks.
        sink: keeps what is said.
        counters: count it.
        tracing: traces verifying, reading and storing.
    """
    blueprint = Blueprint("callback", __name__)
    verify = tracing.step("verify", verifier.verify)
    read = tracing.step("read", read_notification)
    keep = tracing.step("store", partial(_keep, sink, counters, in_detail=_log.is_enabled_for(logging.DEBUG)))

    @blueprint.after_request
    def measure(response: Response) -> Response:
        counters.count_response(response.status_code, time_taken())
        return response

    @blueprint.post("/callback", strict_slashes=False)
    @blueprint.post("/callback/<app_id>", strict_slashes=False)
    @describe(
        GRAPH,
        {
            200: Answer("The handshake's token.", media_type="text/plain; charset=utf-8"),
            202: Answer("All of it is stored, or left out on purpose.", sometimes=("client-request-id",)),
            204: Answer("The call came in the old Skype format; Graph sends it again in its own."),
        },
        parameters=(VALIDATION_TOKEN,),
        body=CALL_NOTIFICATIONS,
        problems=(UnknownAppError, *STORE),
    )
    def receive(app_id: str | None = None) -> Response:
        """Receive call notifications.

        Give Graph this address as `callbackUri`. The answer is 202 once everything is stored.
        """
        if (answer := handshake()) is not None:
            return answer
        caller = verify(wsgi_environ().get("HTTP_AUTHORIZATION"), app_id and app_id.lower())
        vouch()
        body = RequestBody()
        try:
            text = body.read()
            if not text.strip():
                _log.info("empty notification")  # Graph does send them
                return _ACCEPTED
            document = read_json(text)
        except (InvalidJSONError, PayloadTooLargeError, UnsupportedMediaTypeError) as error:
            if beginning := body.beginning():
                entry = quarantine_body(beginning, _REASONS[type(error)], "callback", caller.tenant_id)
                keep(Notification(unreadable=(entry,)))
            raise
        if is_old_skype_call(document):
            return Response(status=204)  # so that it is sent again in Graph's format
        try:
            notification = read(document, caller.tenant_id)
        except InvalidEnvelopeError as error:
            entry = quarantine_item(document, error.detail, "callback", caller.tenant_id)
            keep(Notification(unreadable=(entry,)))
            raise
        keep(notification)
        return _ACCEPTED

    return blueprint


def _keep(sink: NotificationSink, counters: Counters, notification: Notification, *, in_detail: bool) -> None:
    items: list[Item] = [*notification.updates, *notification.unreadable]
    outcomes = sink.store(items, notification_id=make_id(), within=time_left())
    counters.count_items(items, outcomes)
    note(items=len(items), outcome=",".join(dict.fromkeys(outcomes)))
    if notification.ignored:
        note(ignored=",".join(loggable(collection) for collection in notification.ignored))
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(item, Unreadable):
            _log.warning("an item could not be read and is in quarantine", reason=item.reason)
        elif outcome == "conflict" or in_detail:
            _tell(item, outcome)


def _tell(item: Item, outcome: str) -> None:
    log = _log.warning if outcome == "conflict" else _log.debug
    match item:
        case OperationUpdate():
            log(
                "operation",
                outcome=outcome,
                type=loggable(item.type),
                status=loggable(item.status),
                call_id=loggable(item.call_id),
                operation_id=loggable(item.operation_id),
            )
        case CallUpdate():
            log("call", outcome=outcome, state=loggable(item.state), call_id=loggable(item.call_id))
        case RosterUpdate() | RosterDelta():
            log("roster", outcome=outcome, call_id=loggable(item.call_id))
        case ParticipantNotification():
            log("participant", outcome=outcome, call_id=loggable(item.call_id))
