"""Small builders of news."""

import json

from receiver.graph.statuses import state_rank, status_rank
from receiver.graph.updates import CallUpdate, OperationUpdate

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
