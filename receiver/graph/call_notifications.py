"""Call notifications (contract A): parse a callback's body into typed updates.

Pure: no Flask, Redis, clock or network. An item that can't be parsed becomes a quarantine entry, never an exception, so
that one invalid item does not affect the others.
"""

from typing import Final

from marshmallow import ValidationError

from receiver.errors import InvalidOperationError
from receiver.graph.envelope import quarantine_item, read_envelope
from receiver.graph.json_codec import JSON
from receiver.graph.quarantine_summary import explain_reason
from receiver.graph.resource_addresses import Address
from receiver.graph.resources import (
    UnreadableError,
    describe_errors,
    read_call,
    read_operation,
    read_participant_notification,
    type_name,
)
from receiver.graph.roster_parsing import read_participants
from receiver.graph.schema_loading import Loader
from receiver.graph.schemas import CommsNotificationSchema, CommsNotificationsSchema
from receiver.graph.updates import Notification, OperationUpdate, Unreadable, Update

_ENVELOPE: Final = Loader(CommsNotificationsSchema())
_ITEM: Final = Loader(CommsNotificationSchema())
_PARTICIPANT_NOTIFICATIONS: Final = "participant notifications"
_PARTICIPANT_TYPES: Final = frozenset({"participantjoiningnotification", "participantleftnotification"})
_KINDS: Final = {
    "call": "calls",
    "participant": "participants",
    "deltaparticipants": "participants",
    **dict.fromkeys(_PARTICIPANT_TYPES, _PARTICIPANT_NOTIFICATIONS),
}


def is_old_skype_call(document: JSON) -> bool:
    """Return whether a body is the old Skype "incoming call"; after a 204 Graph sends the call in its own format."""
    return isinstance(document, dict) and "callState" in document and "value" not in document


def read_notification(document: JSON, tenant_id: str) -> Notification:
    """Return the updates and the unreadable items of a body.

    Args:
        document: the body, as JSON.
        tenant_id: the tenant of the sender's token.

    Raises:
        InvalidEnvelopeError: the body is not an object with a list `value`.
    """
    updates: list[Update] = []
    unreadable: list[Unreadable] = []
    ignored: list[str] = []
    for item in _items(document):
        try:
            updates += _read_item(item, tenant_id, ignored)
        except UnreadableError as error:
            unreadable.append(quarantine_item(item, str(error), "callback", tenant_id))
    return Notification(tuple(updates), tuple(unreadable), tuple(ignored))


def read_response(document: JSON, client_context: str, call_id: str = "") -> OperationUpdate:
    """Return the update in the HTTP response of the action that started an operation.

    An empty object is accepted: it registers the operation without its members.

    Args:
        document: the body of the response, as JSON.
        client_context: the caller's name for the operation.
        call_id: the call, where the caller passes it; the response does not name it.

    Raises:
        InvalidOperationError: the body is not an operation, or has another client context.
    """
    if not isinstance(document, dict):
        raise InvalidOperationError(
            "The body is not an object. Send the action's HTTP response, a JSON object, or {}."
        )
    if document.get("clientContext") in (None, ""):
        document = {**document, "clientContext": client_context}
    try:
        update = read_operation(document, Address(call_id), "")
    except UnreadableError as error:
        raise InvalidOperationError(f"The operation can't be read. {explain_reason(str(error))}") from None
    if update.client_context != client_context:
        raise InvalidOperationError(
            "The operation's clientContext differs from the address's. Send this operation's response."
        )
    return update


def _items(document: JSON) -> list[JSON]:
    """Return the items of a body; a participant notification may also be the whole body."""
    if type_name(document).lower() in _PARTICIPANT_TYPES:
        return [document]
    return read_envelope(_ENVELOPE, document)


def _read_item(item: JSON, tenant_id: str, ignored: list[str]) -> list[Update]:
    """Return the updates of an item; for an ignored collection, add its name to `ignored` and return none."""
    if not isinstance(item, dict):
        raise UnreadableError("an item that is no object")
    if type_name(item).lower() in _PARTICIPANT_TYPES:
        item = {**item, "resourceData": item}
    if "subscriptionId" in item:
        raise UnreadableError("a change notification; its subscription should post to /notifications")
    try:
        loaded = _ITEM.load(item)
    except ValidationError as error:
        raise UnreadableError(describe_errors(error, error.messages_dict)) from None
    address = Address.parse(loaded.get("resourceUrl") or loaded.get("resource") or "")
    deleted = (loaded.get("changeType") or "").lower() == "deleted"
    data: JSON = loaded.get("resourceData")
    resources: list[JSON] = data if isinstance(data, list) else [data]
    kind = _kind(resources, address)
    if kind == "participants":
        return [*read_participants(resources, address, tenant_id, deleted=deleted)]
    if kind not in {"operations", "calls", _PARTICIPANT_NOTIFICATIONS}:
        ignored.append(kind)
        return []
    if data in (None, []):
        resources = [{}]  # the address and the change type suffice: the call has ended
    updates: list[Update] = []
    for resource in resources:
        if not isinstance(resource, dict):
            raise UnreadableError("a resource that is no object")
        if kind == _PARTICIPANT_NOTIFICATIONS:
            updates.append(read_participant_notification(resource, address, tenant_id))
        elif kind == "operations":
            updates.append(_require_name(read_operation(resource, address, tenant_id)))
        else:
            updates.append(read_call(resource, address, tenant_id, deleted=deleted))
    return updates


def _kind(resources: list[JSON], address: Address) -> str:
    """Return the kind of the resources: by their type, which is more reliable, or else by their address.

    Returns:
        `operations`, `participants`, `calls`, `participant notifications`, or the name of another collection of a call.

    Raises:
        UnreadableError: neither determines it.
    """
    kind = type_name(resources[0]).lower() if resources else ""
    if kind.endswith("operation"):
        return "operations"
    if kind in _KINDS:
        return _KINDS[kind]
    if address.collection:
        return address.collection
    if address.call_id and not kind:
        return "calls"
    if kind:
        return kind
    raise UnreadableError("neither its type nor its address says what it is")


def _require_name(update: OperationUpdate) -> OperationUpdate:
    """Return an operation that names its client context or its call."""
    if not update.client_context and not update.call_id:
        raise UnreadableError("an operation with neither a client context nor a call")
    return update
