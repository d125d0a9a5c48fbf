"""Resource addresses and ids, in all forms that Graph uses."""

import pytest

from receiver.graph.resource_addresses import Address, mask_address, normalize_id
from tests.support.notifications import CALL, OPERATION

UNDASHED_CALL = CALL.replace("-", "").upper()
UNDASHED_OPERATION = OPERATION.replace("-", "").upper()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"/communications/calls/{CALL}/operations/{OPERATION}", id="communications"),
        pytest.param(f"/app/calls/{CALL}/operations/{OPERATION}", id="app"),
        pytest.param(f"communications/calls/{CALL}/operations/{OPERATION}", id="no leading slash"),
        pytest.param(
            f"/communications/calls/{UNDASHED_CALL}/operations/{UNDASHED_OPERATION}",
            id="upper-case undashed ids",
        ),
        pytest.param(
            f"https://graph.microsoft.com/v1.0/communications/calls/{CALL}/operations/{OPERATION}",
            id="a whole address",
        ),
        pytest.param(f"/Communications/Calls/{CALL}/Operations/{OPERATION}", id="capitalised"),
        pytest.param(f"/communications/calls/{CALL}/operations/{OPERATION}/", id="a trailing slash"),
        pytest.param(f"/communications/calls('{CALL}')/operations('{OPERATION}')", id="keys"),
        pytest.param(f"communications/calls('{CALL}')/operations/{OPERATION}", id="a key, then a segment"),
        pytest.param(f"/app/calls/{CALL}/operations('{OPERATION}')", id="a segment, then a key"),
        pytest.param(
            f"/communications/calls(%27{CALL}%27)/operations%28%27{OPERATION}%27%29", id="encoded keys"
        ),
        pytest.param(f"/communications/calls(id='{UNDASHED_CALL}')/operations({OPERATION})", id="named keys"),
        pytest.param(
            f"https://graph.microsoft.com/v1.0/Communications/Calls('{CALL}')/Operations('{OPERATION}')?x=1",
            id="a whole address with keys",
        ),
        pytest.param(f"/communications//calls/{CALL}/operations/{OPERATION}?x=/calls/y", id="a query"),
    ],
)
def test_all_forms_of_an_address_are_equal(url: str) -> None:
    assert Address.parse(url) == Address(CALL, "operations", OPERATION)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        pytest.param(f"/communications/calls/{CALL}", Address(CALL), id="a call"),
        pytest.param(f"/app/calls/{CALL}/participants", Address(CALL, "participants"), id="a roster"),
        pytest.param(
            f"/communications/calls/{CALL}/operations/participants",
            Address(CALL, "operations"),
            id="the documentation's roster, which is not an id",
        ),
        pytest.param("/communications/calls/not-a-guid", Address("not-a-guid"), id="an id of another kind"),
        pytest.param(f"/app/calls('{CALL}')", Address(CALL), id="a call by its key"),
        pytest.param(
            f"/app/calls('{CALL}')/participants('{OPERATION}')",
            Address(CALL, "participants", OPERATION),
            id="a participant by its key",
        ),
        pytest.param("/app/calls('it''s%2Fa(1)')", Address("it's/a(1)"), id="a key with a quote and a slash"),
        pytest.param(
            "/app/calls/c/operations/f(x)", Address("c", "operations", "f(x)"), id="an id like a key"
        ),
        pytest.param("/app/calls()/participants", Address("", "participants"), id="an empty key"),
        pytest.param("/communications/calls", Address(), id="no id"),
        pytest.param("/communications/callRecords/1", Address(), id="no call"),
        pytest.param("", Address(), id="nothing"),
        pytest.param("?/calls/1", Address(), id="only a query"),
    ],
)
def test_address_is_parsed(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        pytest.param(UNDASHED_CALL, CALL, id="upper-case undashed"),
        pytest.param(CALL.upper(), CALL, id="upper-case dashed"),
        pytest.param(CALL, CALL, id="normal already"),
        pytest.param(CALL[:-1], CALL[:-1], id="too short"),
        pytest.param(CALL + "\n", CALL + "\n", id="with a newline"),
        pytest.param("Ab/C", "Ab/C", id="another id, whose case counts"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_only_guids_are_normalized(text: str, normalized: str) -> None:
    assert normalize_id(text) == normalized


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        (
            f"/communications/calls/{CALL}/operations/{OPERATION}",
            "/communications/calls/{id}/operations/{id}",
        ),
        (f"communications/calls/{UNDASHED_CALL}/", "/communications/calls/{id}"),
        (f"https://graph.example/v1.0/app/Calls('{CALL}')/x?a=b", "/v1.0/app/calls('{id}')/{id}?{query}"),
        ("/communications/calls/Ann Example/participants", "/communications/calls/{id}/participants"),
        ("users/ann@example.test/messages/1", "/users/{id}/messages/{id}"),
        ("+15550100", "/{id}"),
        ("/", ""),
        ("", ""),
    ],
)
def test_masked_address_has_no_id_and_no_name(url: str, masked: str) -> None:
    assert mask_address(url) == masked
    assert mask_address(masked) == masked
