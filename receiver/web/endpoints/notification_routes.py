"""`/notifications`: Graph tells of subscriptions (contract B of the wire), plain part."""

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
from receiver.web.middleware.request_context import time_left, vouch
from receiver.web.middleware.untrusted_bodies import UntrustedBodies
from receiver.web.openapi import ANYBODY, READ, STORE, Answer, describe
from receiver.web.openapi.body_schemas import CHANGE_NOTIFICATIONS
from receiver.web.openapi.response_schemas import NotificationPageSchema
from receiver.web.openapi.route_parameters import VALIDATION_TOKEN
from receiver.web.paging import EntryPageQuery, page_answer, read_entry_page
from receiver.web.request_bodies import handshake, read_json, read_untrusted_body
from receiver.web.request_ids import make_id

_log: Final = structlog.get_logger("receiver.notifications")

_READ_ANYWAY: Final = 1 << 12
"""Bytes of a body whose items are read and counted even from an unverified sender; that takes 1 ms."""

_WHAT_TO_DO: Final = {
    "reauthorizationRequired": "reauthorize the subscription now: POST /subscriptions/{id}/reauthorize",
    "subscriptionRemoved": "create the subscription anew",
    "missed": "read the resource itself: notifications were lost on the way",
}
"""https://learn.microsoft.com/graph/change-notifications-lifecycle-events"""


def make_notifications(
    client_states: Sequence[str],
    sink: NotificationSink,
    reader: Reader,
    authorizer: Authorizer,
    counters: Counters,
) -> Blueprint:
    """Make the routes of change notifications.

    Args:
        client_states: the secrets of our subscriptions; without any, nothing but a handshake is taken.
        sink: keeps what is believed.
        reader: reads it again.
        authorizer: who may read it.
        counters: count what is kept.
    """
    blueprint = Blueprint("notifications", __name__)
    bodies = UntrustedBodies()

    @blueprint.post("/notifications", strict_slashes=False)
    @describe(
        ANYBODY,
        {
            200: Answer("The handshake's token.", media_type="text/plain; charset=utf-8"),
            202: Answer("All that is believed is stored.", sometimes=("client-request-id",)),
        },
        parameters=(VALIDATION_TOKEN,),
        body=CHANGE_NOTIFICATIONS,
        problems=(NotConfiguredError, *STORE),
    )
    def receive() -> Response:
        """Receive change notifications.

        Tell Graph this address as `notificationUrl` or `lifecycleNotificationUrl` of a subscription. An item is
        believed for its `clientState`, a secret that the subscription names.
        """
        if (answer := handshake()) is not None:
            return answer
        if not client_states:
            raise NotConfiguredError("Set RECEIVER_CLIENT_STATES to the clientState of your subscriptions.")
        body = read_untrusted_body(bodies)
        if not body.strip() or _is_of_a_stranger(body, client_states):
            return Response(status=ACCEPTED)
        items = [_kept(item) for item in _believed(read_json(body), client_states)]
        if items:
            vouch()
        counters.count_items(items, sink.store(items, notification_id=make_id(), within=time_left()))
        for item in items:
            _tell(item)
        return Response(status=ACCEPTED)

    @blueprint.get("/notifications")
    @describe(
        READ,
        {200: Answer("A page.", NotificationPageSchema, sometimes=("Link",))},
        query=EntryPageQuery,
        problems=(BadRequestError,),
    )
    def list_changes() -> Response:
        """List change notifications, newest first."""
        authorizer.require("read")
        page = read_entry_page()
        entries, cursor = reader.entries("changes", limit=page.limit, before=page.cursor)
        return page_answer("notifications", [representation.change(entry) for entry in entries], cursor)

    return blueprint


def _is_of_a_stranger(body: bytes, client_states: Sequence[str]) -> bool:
    """Tell whether a body is too long to be read for nothing, and holds no clientState of ours."""
    if len(body) <= _READ_ANYWAY or has_accepted_client_state(
        body, lambda state: matches(state, client_states)
    ):
        return False
    if (left_out := REFUSALS.admit("clientState")) is not None:
        _log.warning("a body without a known clientState is not read", bytes=len(body), untold=left_out)
    return True


def _believed(document: JSON, client_states: Sequence[str]) -> list[ChangeNotification | Unreadable]:
    """Read the items whose clientState is ours; the others may come from anybody.

    Raises:
        InvalidEnvelopeError: the document is no collection.
    """
    strangers = 0

    def is_ours(client_state: JSON) -> bool:
        nonlocal strangers
        found = matches(client_state, client_states)
        strangers += not found
        return found

    items = read_changes(document, is_ours)
    if strangers and (left_out := REFUSALS.admit("clientState")) is not None:
        _log.warning("items with a wrong clientState are not believed", items=strangers, untold=left_out)
    return items


def _kept(item: ChangeNotification | Unreadable) -> ChangeNotification | Unreadable:
    if isinstance(item, ChangeNotification) and item.encrypted:
        return Unreadable("encrypted, and there is no decryption yet", item.text, "notifications")
    return item


def _tell(item: ChangeNotification | Unreadable) -> None:
    if isinstance(item, Unreadable):
        _log.warning("a change notification is in quarantine", reason=item.reason)
    elif item.lifecycle_event:
        what_to_do = _WHAT_TO_DO.get(item.lifecycle_event, "see Graph's page on lifecycle notifications")
        _log.warning(
            "subscription",
            lifecycle_event=loggable(item.lifecycle_event),
            subscription_id=loggable(item.subscription_id),
            what_to_do=what_to_do,
        )
    else:
        _log.info(
            "change", change_type=loggable(item.change_type), subscription_id=loggable(item.subscription_id)
        )
