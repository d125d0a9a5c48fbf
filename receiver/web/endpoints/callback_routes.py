"""`POST /callback`: call notifications from Graph (contract A of the wire)."""

import logging
from typing import Final

import structlog
from flask import Blueprint, Response

from receiver.errors import (
    InvalidEnvelopeError,
    InvalidJSONError,
    PayloadTooLargeError,
    ReceiverError,
    UnknownAppError,
    UnsupportedMediaTypeError,
)
from receiver.graph.call_notifications import is_old_skype_call, read_notification
from receiver.graph.envelope import quarantine_body, quarantine_item
from receiver.graph.json_codec import JSON
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
from receiver.web.middleware.request_context import (
    add_log_fields,
    mark_authenticated,
    time_left,
    time_taken,
    wsgi_environ,
)
from receiver.web.openapi import GRAPH, STORE, Answer, describe
from receiver.web.openapi.body_schemas import CALL_NOTIFICATIONS
from receiver.web.openapi.route_parameters import VALIDATION_TOKEN
from receiver.web.request_bodies import QUARANTINED_BYTES, RequestBody, read_json, validation_response
from receiver.web.request_ids import make_id

_log: Final = structlog.get_logger("receiver.callback")

ACCEPTED: Final = 202
_ACCEPTED: Final = Response(status=ACCEPTED)
"""The response to every accepted notification. Shared by all requests: no hook or view changes it."""

del _ACCEPTED.headers["Content-Type"]  # there is no body

_REASONS: Final[dict[type[Exception], str]] = {
    InvalidJSONError: "a body that is not JSON",
    PayloadTooLargeError: "a body over the size limit",
    UnsupportedMediaTypeError: "a body of another media type or encoding",
}
"""The reasons for which a rejected body is quarantined: a closed set, since a metric is labelled with them."""


class CallbackRoutes:
    """The routes that Graph posts call notifications to.

    Args:
        verifier: verifies the token of a sender.
        sink: stores items.
        counters: count responses and items.
        tracing: traces verifying, reading and storing.
    """

    def __init__(
        self, verifier: TokenVerifier, sink: NotificationSink, counters: Counters, tracing: Tracing
    ) -> None:
        self._sink = sink
        self._counters = counters
        self._logs_every_item = _log.is_enabled_for(logging.DEBUG)
        self._verify = tracing.step("verify", verifier.verify)
        self._read = tracing.step("read", read_notification)
        self._store = tracing.step("store", self._store_and_log)

    def blueprint(self) -> Blueprint:
        """Return the blueprint with these routes."""
        blueprint = Blueprint("callback", __name__)
        blueprint.after_request(self._count_response)
        blueprint.post("/callback", strict_slashes=False)(self.receive)
        blueprint.post("/callback/<app_id>", strict_slashes=False)(self.receive)
        return blueprint

    @describe(
        GRAPH,
        {
            200: Answer("The token of a validation request.", media_type="text/plain; charset=utf-8"),
            202: Answer("Every item is stored, or ignored on purpose.", sometimes=("client-request-id",)),
            204: Answer("The call was in the old Skype format; Graph sends it again in its own."),
        },
        parameters=(VALIDATION_TOKEN,),
        body=CALL_NOTIFICATIONS,
        problems=(UnknownAppError, *STORE),
    )
    def receive(self, app_id: str | None = None) -> Response:
        """Receive call notifications.

        Give Graph this address as `callbackUri`. The response is 202 once everything is stored.
        """
        if (response := validation_response()) is not None:
            return response
        sender = self._verify(wsgi_environ().get("HTTP_AUTHORIZATION"), app_id and app_id.lower())
        mark_authenticated()
        text = self._read_body(sender.tenant_id)
        if not text.strip():
            _log.info("empty notification: there is nothing to store")  # Graph does send them
            return _ACCEPTED
        document = self._parse(text, sender.tenant_id)
        if is_old_skype_call(document):
            return Response(status=204)  # makes Graph send it again in its own format
        self._store(self._read_items(document, sender.tenant_id))
        return _ACCEPTED

    def _count_response(self, response: Response) -> Response:
        self._counters.count_response(response.status_code, time_taken())
        return response

    def _read_body(self, tenant_id: str) -> bytes:
        body = RequestBody()
        try:
            return body.read()
        except (PayloadTooLargeError, UnsupportedMediaTypeError) as error:
            self._quarantine_body(body.beginning(), error, tenant_id)
            raise

    def _parse(self, text: bytes, tenant_id: str) -> JSON:
        try:
            return read_json(text)
        except InvalidJSONError as error:
            self._quarantine_body(text[:QUARANTINED_BYTES], error, tenant_id)
            raise

    def _read_items(self, document: JSON, tenant_id: str) -> Notification:
        try:
            return self._read(document, tenant_id)
        except InvalidEnvelopeError as error:
            entry = quarantine_item(document, error.detail, "callback", tenant_id)
            self._store(Notification(unreadable=(entry,)))
            raise

    def _quarantine_body(self, beginning: bytes, error: ReceiverError, tenant_id: str) -> None:
        if beginning:
            entry = quarantine_body(beginning, _REASONS[type(error)], "callback", tenant_id)
            self._store(Notification(unreadable=(entry,)))

    def _store_and_log(self, notification: Notification) -> None:
        items: list[Item] = [*notification.updates, *notification.unreadable]
        outcomes = self._sink.store(items, notification_id=make_id(), within=time_left())
        self._counters.count_items(items, outcomes)
        add_log_fields(items=len(items), outcome=",".join(dict.fromkeys(outcomes)))
        if notification.ignored:
            add_log_fields(ignored=",".join(loggable(collection) for collection in notification.ignored))
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(item, Unreadable):
                event = "an item could not be read and is in quarantine; see GET /quarantine"
                _log.warning(event, reason=item.reason)
            elif outcome == "conflict" or self._logs_every_item:
                _log_item(item, outcome)


def _log_item(item: Item, outcome: str) -> None:
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
