"""The HTTP response of an action, registered by its caller."""

from typing import Any

import pytest

from receiver.errors import InvalidOperationError
from receiver.graph.call_notifications import read_response
from receiver.graph.updates import OperationUpdate
from tests.support.graph_reading import members, nested
from tests.support.notifications import CALL, OPERATION

RESPONSE: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.inviteParticipantsOperation",
    "id": OPERATION.replace("-", "").upper(),
    "status": "Running",
    "clientContext": "invite-1",
    "resultInfo": None,
    "participants": [{"endpointType": None, "replacesCallId": CALL, "identity": {"phone": None}}],
}


def test_empty_object_registers_the_operation() -> None:
    assert read_response({}, "invite-1") == OperationUpdate("invite-1", "", "", "", "", "", 1)


def test_response_is_parsed_with_its_nulls() -> None:
    update = read_response(RESPONSE, "invite-1")
    assert (update.type, update.operation_id, update.call_id) == (
        "inviteParticipantsOperation",
        OPERATION,
        "",
    )
    assert (update.status, update.rank) == ("running", 1)
    assert members(update) == {"resultInfo": None, "participants": RESPONSE["participants"]}


@pytest.mark.parametrize("response", [{}, RESPONSE], ids=["empty", "whole"])
def test_response_takes_the_call_of_the_caller(response: dict[str, Any]) -> None:
    assert read_response(response, "invite-1", CALL).call_id == CALL


def test_response_takes_the_call_of_its_odata_id() -> None:
    url = f"/communications/calls/{CALL}/operations/{OPERATION}"
    update = read_response({"@odata.id": url}, "invite-1")
    assert (update.call_id, update.operation_id) == (CALL, OPERATION)


@pytest.mark.parametrize("client_context", [None, ""])
def test_response_without_client_context_is_accepted(client_context: str | None) -> None:
    response = {**RESPONSE, "clientContext": client_context}
    assert read_response(response, "invite-1") == read_response(RESPONSE, "invite-1")
    assert response["clientContext"] is client_context


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        pytest.param([RESPONSE], "JSON object", id="an array"),
        pytest.param(None, "JSON object", id="null"),
        pytest.param("secret", "JSON object", id="a text"),
        pytest.param({**RESPONSE, "clientContext": "secret"}, "differs from", id="another client context"),
        pytest.param({**RESPONSE, "clientContext": "Invite-1"}, "differs from", id="another case"),
        pytest.param(
            {**RESPONSE, "clientContext": []}, "`clientContext` must be a string", id="an empty array"
        ),
        pytest.param({**RESPONSE, "clientContext": 0}, "`clientContext` must be a string", id="zero"),
        pytest.param({**RESPONSE, "status": 5}, "`status` must be a string", id="a status that is a number"),
        pytest.param(
            {**RESPONSE, "resultInfo": "secret"}, "`resultInfo` must be an object", id="a text as resultInfo"
        ),
        pytest.param({**RESPONSE, "new": nested(150, "secret")}, "100 levels", id="nested 150 levels"),
    ],
)
def test_response_of_another_operation_is_refused(response: Any, reason: str) -> None:
    with pytest.raises(InvalidOperationError, match=reason) as caught:
        read_response(response, "invite-1")
    assert "secret" not in caught.value.detail


def test_too_long_client_context_is_refused() -> None:
    assert read_response({}, "x" * 256).client_context == "x" * 256
    with pytest.raises(InvalidOperationError, match="256"):
        read_response({}, "x" * 257)
