"""Updates: the typed values of a notification, which the store merges into records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Members: TypeAlias = Mapping[str, str]
"""The members of a resource: Graph's name and the value as canonical JSON text."""


@dataclass(frozen=True, slots=True)
class OperationUpdate:
    """An update of a call operation. Unknown parts are empty.

    Args:
        client_context: the caller's name for the operation.
        call_id: normalized, from the address.
        operation_id: normalized, from the address rather than the body.
        tenant_id: the tenant of the sender's token.
        type: Graph's type without its namespace: `inviteParticipantsOperation`.
        status: normalized; an unknown one unchanged.
        rank: how late the status is in the life cycle (`statuses.status_rank`).
        members: the other members of the resource.
    """

    client_context: str
    call_id: str
    operation_id: str
    tenant_id: str
    type: str
    status: str
    rank: int
    members: Members = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """An update of a call: its normalized state (empty where it has none), the state's rank, and its members."""

    call_id: str
    tenant_id: str
    state: str
    rank: int
    members: Members = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RosterUpdate:
    """The whole roster of a call, as a canonical JSON array of participants."""

    call_id: str
    tenant_id: str
    participants: str


@dataclass(frozen=True, slots=True)
class RosterDelta:
    """The changed participants of a call, as a canonical JSON array; those with a `removedState` have left.

    Args:
        sequence: the sequence number of the delta; None where only the participants' own `rosterSequenceNumber`
            orders them, if present.
    """

    call_id: str
    tenant_id: str
    sequence: int | None
    participants: str


@dataclass(frozen=True, slots=True)
class ParticipantNotification:
    """A notification that a participant joins or has left a call (policy recording), as canonical JSON."""

    call_id: str
    tenant_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangeNotification:
    """An item of a subscription's notification (contract B).

    Args:
        resource: the address of what changed; empty in a lifecycle notification.
        lifecycle_event: empty in any other item.
        text: the item as canonical JSON, without its clientState.
        encrypted: it has `encryptedContent`.
    """

    subscription_id: str
    tenant_id: str
    change_type: str
    lifecycle_event: str
    resource: str
    text: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that could not be parsed, for the quarantine.

    Args:
        reason: why, without any of its content.
        text: the item as JSON.
        contract: the route that received it: `callback` or `notifications`.
        tenant_id: the tenant of the sender's token, where there was one.
        client_context: its client context, where one was found, so that it is deleted with the operation.
        is_whole: the text is complete; else what was nested too deeply, or too long, is cut off.
    """

    reason: str
    text: str
    contract: str
    tenant_id: str = ""
    client_context: str = ""
    is_whole: bool = True


Update: TypeAlias = OperationUpdate | CallUpdate | RosterUpdate | RosterDelta | ParticipantNotification


@dataclass(frozen=True, slots=True)
class Notification:
    """The result of parsing one POST of contract A; `ignored` names the collections that are not stored on purpose."""

    updates: tuple[Update, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    ignored: tuple[str, ...] = ()
