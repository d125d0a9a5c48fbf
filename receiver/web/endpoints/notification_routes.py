"""`/notifications`: change and lifecycle notifications from Graph (contract B of the wire), unencrypted."""

from collections.abc import Sequence
from typing import Final

import structlog
from flask import Blueprint, Response

from receiver.errors import BadRequestError, NotConfiguredError
from receiver.graph.change_notifications import has_accepted_client_state, read_changes
from receiver.graph.json_codec import JSON
from receiver.graph.privacy import loggable
from receiver.graph.updates import ChangeNotification, Unreadable
from receiver.log_grouping import REFUSALS
from receiver.metrics.counters import Counters
from receiver.spool.intake import NotificationSink
from receiver.store.reader import Reader
from receiver.trust.client_state import matches
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.endpoints.callback_routes import ACCEPTED
from receiver.web.middleware.request_context import mark_authenticated, time_left
from receiver.web.middleware.untrusted_bodies import UntrustedBodies
from receiver.web.openapi import PUBLIC, READ, STORE, Answer, describe
from receiver.web.openapi.body_schemas import CHANGE_NOTIFICATIONS
from receiver.web.openapi.response_schemas import NotificationPageSchema
from receiver.web.openapi.route_parameters import VALIDATION_TOKEN
from receiver.web.paging import EntryPageQuery, page_response, read_entry_page
from receiver.web.request_bodies import read_json, read_untrusted_body, validation_response
from receiver.web.request_ids import make_id

_log: Final = structlog.get_logger("receiver.notifications")

_ALWAYS_PARSED_BYTES: Final = 1 << 12
"""Bytes up to which a body is parsed, and its rejected items counted, though no clientState is ours; it takes 1 ms."""

_WHAT_TO_DO: Final = {
    "reauthorizationRequired": "reauthorize the subscription now: POST /subscriptions/{id}/reauthorize",
    "subscriptionRemoved": "create the subscription anew",
    "missed": "read the resource itself: notifications were lost on the way",
}
"""https://learn.microsoft.com/graph/change-notifications-lifecycle-events"""


class NotificationRoutes:
    """The routes of change notifications.

    Args:
        client_states: the secrets of our subscriptions; without any, only validation requests are accepted.
        sink: stores items.
        reader: reads stored items.
        authorizer: checks the scopes of requests.
        counters: count stored items.
    """

    def __init__(
        self,
        client_states: Sequence[str],
        sink: NotificationSink,
        reader: Reader,
        authorizer: Authorizer,
        counters: Counters,
    ) -> None:
        self._client_states = client_states
        self._sink = sink
        self._reader = reader
        self._authorizer = authorizer
        self._counters = counters
        self._bodies = UntrustedBodies()

    def blueprint(self) -> Blueprint:
        """Return the blueprint with these routes."""
        blueprint = Blueprint("notifications", __name__)
        blueprint.post("/notifications", strict_slashes=False)(self.receive)
        blueprint.get("/notifications")(self.list_page)
        return blueprint

    @describe(
        PUBLIC,
        {
            200: Answer("The token of a validation request.", media_type="text/plain; charset=utf-8"),
            202: Answer("Every authentic item is stored.", sometimes=("client-request-id",)),
        },
        parameters=(VALIDATION_TOKEN,),
        body=CHANGE_NOTIFICATIONS,
        problems=(NotConfiguredError, *STORE),
    )
    def receive(self) -> Response:
        """Receive change notifications.

        Give Graph this address as `notificationUrl` or `lifecycleNotificationUrl` of a subscription. An item is
        authentic if its `clientState` is the secret that the subscription was created with; others are ignored.
        """
        if (response := validation_response()) is not None:
            return response
        if not self._client_states:
            raise NotConfiguredError("Set RECEIVER_CLIENT_STATES to the clientState of your subscriptions.")
        body = read_untrusted_body(self._bodies)
        if not body.strip() or self._is_unauthentic(body):
            return Response(status=ACCEPTED)
        items = self._read_authentic_items(read_json(body))
        if items:
            mark_authenticated()
        outcomes = self._sink.store(items, notification_id=make_id(), within=time_left())
        self._counters.count_items(items, outcomes)
        for item in items:
            _log_item(item)
        return Response(status=ACCEPTED)

    @describe(
        READ,
        {200: Answer("A page.", NotificationPageSchema, sometimes=("Link",))},
        query=EntryPageQuery,
        problems=(BadRequestError,),
    )
    def list_page(self) -> Response:
        """List change notifications, newest first."""
        self._authorizer.require("read")
        query = read_entry_page()
        entries, cursor = self._reader.entries("changes", limit=query.limit, before=query.cursor)
        return page_response("notifications", [representation.change(entry) for entry in entries], cursor)

    def _is_unauthentic(self, body: bytes) -> bool:
        """Return whether a body has none of our clientStates, and is so long that parsing it would be wasted work."""
        if len(body) <= _ALWAYS_PARSED_BYTES or has_accepted_client_state(body, self._is_ours):
            return False
        if (not_logged := REFUSALS.admit("clientState")) is not None:
            event = "a body without a known clientState is ignored; check RECEIVER_CLIENT_STATES"
            _log.warning(event, bytes=len(body), suppressed=not_logged)
        return True

    def _read_authentic_items(self, document: JSON) -> list[ChangeNotification | Unreadable]:
        """Read the items whose clientState is ours; any sender may have made up the others.

        Raises:
            InvalidEnvelopeError: the document is not a collection.
        """
        rejected = 0

        def is_ours(client_state: JSON) -> bool:
            nonlocal rejected
            found = self._is_ours(client_state)
            rejected += not found
            return found

        items = [_without_decryption(item) for item in read_changes(document, is_ours)]
        if rejected and (not_logged := REFUSALS.admit("clientState")) is not None:
            event = "items with a wrong clientState are ignored; check RECEIVER_CLIENT_STATES"
            _log.warning(event, items=rejected, suppressed=not_logged)
        return items

    def _is_ours(self, client_state: JSON) -> bool:
        return matches(client_state, self._client_states)


def _without_decryption(item: ChangeNotification | Unreadable) -> ChangeNotification | Unreadable:
    if isinstance(item, ChangeNotification) and item.encrypted:
        return Unreadable("encrypted, and there is no decryption yet", item.text, "notifications")
    return item


def _log_item(item: ChangeNotification | Unreadable) -> None:
    if isinstance(item, Unreadable):
        _log.warning(
            "a change notification could not be read and is in quarantine; see GET /quarantine",
            reason=item.reason,
        )
    elif item.lifecycle_event:
        what_to_do = _WHAT_TO_DO.get(item.lifecycle_event, "see Graph's page on lifecycle notifications")
        _log.warning(
            "lifecycle notification",
            lifecycle_event=loggable(item.lifecycle_event),
            subscription_id=loggable(item.subscription_id),
            what_to_do=what_to_do,
        )
    else:
        _log.info(
            "change notification",
            change_type=loggable(item.change_type),
            subscription_id=loggable(item.subscription_id),
        )
