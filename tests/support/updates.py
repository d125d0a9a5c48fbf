"""Builders of updates and other items."""

import json

from receiver.graph.statuses import state_rank, status_rank
from receiver.graph.updates import (
    CallUpdate,
    ChangeNotification,
    OperationUpdate,
    ParticipantNotification,
    RosterDelta,
    RosterUpdate,
    Unreadable,
)
from receiver.store.writer import Item

CALL = "57dab8b1-894c-409a-b240-bd8beae78896"
OPERATION = "0fe0623f-d628-42ed-b4bd-8ac290072cc5"


def operation(
    status: str = "completed",
    *,
    cc: str = "invite-1",
    call: str = CALL,
    op: str = OPERATION,
    **members: object,
) -> OperationUpdate:
    return OperationUpdate(
        client_context=cc,
        call_id=call,
        operation_id=op,
        tenant_id="tenant",
        type="inviteParticipantsOperation",
        status=status,
        rank=status_rank(status),
        members={name: json.dumps(value) for name, value in members.items()},
    )


def bare(cc: str = "invite-1") -> OperationUpdate:
    return OperationUpdate(cc, "", "", "", "", "", status_rank(""))


def call(state: str = "established", **members: object) -> CallUpdate:
    return CallUpdate(
        CALL, "tenant", state, state_rank(state), {n: json.dumps(v) for n, v in members.items()}
    )


def change(number: int = 1) -> ChangeNotification:
    return ChangeNotification(
        "subscription", "tenant", "updated", "", "users/1", f'{{"number":{number}}}', encrypted=False
    )


def every_kind() -> list[Item]:
    """Return an item of every kind, with a value in every field."""
    return [
        operation("completed", resultInfo={"code": 200}),
        bare("ünï \u2028 \\ \" ' \x00"),
        call("terminated", direction="incoming"),
        RosterUpdate(CALL, "tenant", '[{"id": "a"}]'),
        RosterDelta(CALL, "tenant", (1 << 63) - 1, '[{"id": "b"}]'),
        ParticipantNotification(CALL, "tenant", '{"call": {}}'),
        change(),
        Unreadable("a reason", '{"a": 1}', "callback", "tenant", "invite-1", is_whole=False),
    ]
