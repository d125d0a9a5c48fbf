"""The HTTP response of an action, which its caller hands over."""

import pytest

from receiver.errors import InvalidOperationError
from receiver.graph.json import JSON
from receiver.graph.notifications import read_response
from tests.notifications import CALL, OPERATION


def test_an_empty_object_says_only_that_there_is_an_operation() -> None:
    update = read_response({}, "invite-1")
    assert (update.client_context, update.call_id, update.operation_id, update.status) == (
        "invite-1",
        "",
        "",
        "",
    )
    assert update.members == {}


def test_a_response_is_read_with_its_nulls_and_its_status_in_pascal_case() -> None:
    response: JSON = {
        "@odata.type": "#microsoft.graph.inviteParticipantsOperation",
        "id": OPERATION.replace("-", "").upper(),
        "status": "Running",
        "clientContext": "invite-1",
        "resultInfo": None,
        "participants": [{"identity": {"user": {"id": "x"}, "phone": None}, "replacesCallId": None}],
    }
    update = read_response(response, "invite-1", CALL)
    assert (update.call_id, update.operation_id, update.status, update.rank) == (
        CALL,
        OPERATION,
        "running",
        1,
    )
    assert update.members["resultInfo"] == "null"
    assert '"phone":null' in update.members["participants"]


@pytest.mark.parametrize(
    "document",
    [None, [], "x", 5, {"clientContext": "other"}, {"clientContext": 5}, {"status": []}, {"id": 5}],
)
def test_what_is_no_operation_of_this_client_context_is_refused(document: JSON) -> None:
    with pytest.raises(InvalidOperationError):
        read_response(document, "invite-1")
