"""What a notification comes to: the updates that the store merges. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Members: TypeAlias = Mapping[str, str]
"""The members of a resource: Graph's name to the value as canonical JSON text."""


@dataclass(frozen=True, slots=True)
class OperationUpdate:
    """News of a call operation. What is not known is empty.

    Args:
        client_context: what the caller named the operation.
        call_id: normalized, from the address.
        operation_id: normalized, from the address before the body.
        tenant_id: the tenant that the sender's token speaks for.
        type: Graph's type without its namespace: `inviteParticipantsOperation`.
        status: normalized; an unknown one as it came.
        rank: how late in an operation's life the status is (`statuses.status_rank`).
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
    """News of a call: its normalized state (empty where it has none), the state's rank, and its members."""

    call_id: str
    tenant_id: str
    state: str
    rank: int
    members: Members = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RosterUpdate:
    """The participants of a call, all of them, as a canonical JSON array."""

    call_id: str
    tenant_id: str
    participants: str


@dataclass(frozen=True, slots=True)
class RosterDelta:
    """The participants of a call that changed, as a canonical JSON array; those with a `removedState` have left.

    Args:
        sequence: its place in the order of all that is said of the roster; None where only the participants' own
            `rosterSequenceNumber` orders them, if anything does.
    """

    call_id: str
    tenant_id: str
    sequence: int | None
    participants: str


@dataclass(frozen=True, slots=True)
class ParticipantNotification:
    """A participant joins a call, or has left it (policy recording): the resource as canonical JSON."""

    call_id: str
    tenant_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangeNotification:
    """An item of a subscription (contract B).

    Args:
        resource: what changed, empty in a lifecycle item.
        lifecycle_event: empty in any other item.
        text: the item as canonical JSON, without its clientState.
        encrypted: it holds `encryptedContent`.
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
    """An item that could not be read, for the quarantine.

    Args:
        reason: what is wrong with it, without any of its content.
        text: the item as JSON.
        contract: where it came: `callback` or `notifications`.
        tenant_id: the tenant that the sender's token speaks for, where there was one.
        is_whole: the text is all of it; else what is nested too deeply is cut off.
        client_context: its client context, where one could be made out, so that it can be forgotten with it.
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
    """All that one POST of contract A comes to; `ignored` names the collections we don't keep on purpose."""

    updates: tuple[Update, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    ignored: tuple[str, ...] = ()
