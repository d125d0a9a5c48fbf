"""Parse resources into updates: an operation, a call or a participant notification (rosters: `roster_parsing`).

A member that does not match its schema is kept unchanged, so that a change of a minor member never loses a result. A
resource is unreadable only where a member that the merge needs is invalid.
"""

from collections.abc import Container
from typing import Any, Final

from marshmallow import ValidationError

from receiver.graph.json_codec import JSON, TooDeepError, dump
from receiver.graph.resource_addresses import Address, normalize_id
from receiver.graph.schema_loading import Loader
from receiver.graph.schemas import OPERATION_SCHEMAS, CallSchema, CommsOperationSchema
from receiver.graph.statuses import ENDED_RANK, normalize_state, normalize_status, state_rank, status_rank
from receiver.graph.updates import CallUpdate, Members, OperationUpdate, ParticipantNotification

_NAMESPACE: Final = "microsoft.graph."
_OPERATIONS: Final = {name: Loader(schema()) for name, schema in OPERATION_SCHEMAS.items()}
_TYPES: Final = {name.lower(): name for name in _OPERATIONS}
_ANY_OPERATION: Final = Loader(CommsOperationSchema())
_CALL: Final = Loader(CallSchema())

_OPERATION_NEEDS: Final = frozenset({"id", "clientContext", "status", "resultInfo"})
_OPERATION_OWN: Final = ("@odata.type", "id", "clientContext", "status")
_CALL_NEEDS: Final = frozenset({"state"})
_CALL_OWN: Final = ("@odata.type", "id", "state")


class UnreadableError(ValueError):
    """A resource can't be parsed; the message has the reason, without any of the content."""


def type_name(resource: JSON) -> str:
    """Return a resource's type without `#` and namespace, in Graph's spelling; empty where it has none."""
    text = resource.get("@odata.type") if isinstance(resource, dict) else None
    if not isinstance(text, str):
        return ""
    name = text.removeprefix("#")
    if name.lower().startswith(_NAMESPACE):
        name = name[len(_NAMESPACE) :]
    return _TYPES.get(name.lower(), name)


def read_operation(resource: dict[str, JSON], address: Address, tenant_id: str) -> OperationUpdate:
    """Return the update of an operation, from a notification or from the response of the action that started it.

    Raises:
        UnreadableError: a member that the merge needs is not of its type, or it is nested too deeply.
    """
    kind = type_name(resource)
    loaded = load_leniently(_OPERATIONS.get(kind, _ANY_OPERATION), resource, _OPERATION_NEEDS)
    at = address if address.item_id and address.call_id else Address.parse(_text(loaded, "@odata.id"))
    status = normalize_status(_text(loaded, "status"))
    return OperationUpdate(
        client_context=_text(loaded, "clientContext"),
        call_id=address.call_id or at.call_id,
        operation_id=address.item_id or at.item_id or normalize_id(_text(loaded, "id")),
        tenant_id=tenant_id,
        type=kind,
        status=status,
        rank=status_rank(status),
        members=_members(loaded, _OPERATION_OWN),
    )


def read_call(resource: dict[str, JSON], address: Address, tenant_id: str, *, deleted: bool) -> CallUpdate:
    """Return the update of a call; a deleted one has ended, even without a state.

    Raises:
        UnreadableError: the state is not a text, the call has no id, or it is nested too deeply.
    """
    loaded = load_leniently(_CALL, resource, _CALL_NEEDS)
    call_id = address.call_id or normalize_id(_text(loaded, "id"))
    if not call_id:
        raise UnreadableError("a call without an id")
    state = "terminated" if deleted else normalize_state(_text(loaded, "state"))
    return CallUpdate(
        call_id=call_id,
        tenant_id=_text(loaded, "tenantId") or tenant_id,
        state=state,
        rank=ENDED_RANK if deleted else state_rank(state),
        members=_members(loaded, _CALL_OWN),
    )


def read_participant_notification(
    resource: dict[str, JSON], address: Address, tenant_id: str
) -> ParticipantNotification:
    """Return the notification of a participant that joins or has left a call (policy recording).

    Raises:
        UnreadableError: neither its address nor its call has the call's id, or it is nested too deeply.
    """
    call = resource.get("call")
    call_id = address.call_id or normalize_id(_text(call, "id") if isinstance(call, dict) else "")
    if not call_id:
        raise UnreadableError("a participant's notification of no call")
    return ParticipantNotification(call_id, tenant_id, dump_or_reject(resource))


def load_leniently(loader: Loader, resource: dict[str, JSON], needs: frozenset[str]) -> dict[str, JSON]:
    """Load a resource; a member that does not match the schema stays unchanged.

    Raises:
        UnreadableError: the merge needs that member.
    """
    try:
        loaded: dict[str, JSON] = loader.load(resource)
    except ValidationError as error:
        wrong = set(error.messages_dict)
        if wrong & needs:
            raise UnreadableError(describe_errors(error, needs)) from None
        valid: dict[str, JSON] = error.valid_data  # type: ignore[assignment]
        loaded = {**valid, **{name: resource[name] for name in wrong}}
    return loaded


def describe_errors(error: ValidationError, members: Container[str]) -> str:
    """Return which of the members are invalid and why, without their content.

    For example `resultInfo.code: Not a whole number.`; several are separated by semicolons.
    """
    wrong = {name: found for name, found in error.messages_dict.items() if name in members}
    return "; ".join(_describe_error(name, found) for name, found in sorted(wrong.items()))


def _describe_error(path: str, found: Any) -> str:
    while isinstance(found, dict):  # of a nested object, by its members; `_schema` is the object itself
        name, found = next(iter(found.items()))
        path = path if name == "_schema" else f"{path}.{name}"
    return f"{path}: {found[0]}"


def _text(resource: dict[str, JSON], name: str) -> str:
    value = resource.get(name)
    return value if isinstance(value, str) else ""


def _members(resource: dict[str, JSON], own: tuple[str, ...]) -> Members:
    return {name: dump_or_reject(value) for name, value in resource.items() if name not in own}


def dump_or_reject(value: JSON) -> str:
    """Return the canonical text of a value.

    Raises:
        UnreadableError: it is nested too deeply.
    """
    try:
        return dump(value)
    except TooDeepError as error:
        raise UnreadableError(str(error)) from None
