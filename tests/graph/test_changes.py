"""Contract B: change notifications, plain part."""

import json
from typing import Any

import pytest

from receiver.errors import InvalidEnvelopeError
from receiver.graph.change_notifications import read_changes
from receiver.graph.updates import ChangeNotification, Unreadable
from tests.support.graph_reading import nested
from tests.support.notifications import operation

STATE = "state-secret"


def change(**members: Any) -> dict[str, Any]:
    plain = {
        "id": "lsgTZMr9KwAAA",
        "subscriptionId": "s-1",
        "subscriptionExpirationDateTime": "2026-11-24T10:00:00Z",
        "tenantId": "t-1",
        "clientState": STATE,
        "changeType": "created",
        "resource": "communications/callRecords/1",
        "resourceData": {"@odata.type": "#microsoft.graph.callRecord", "id": "1"},
    }
    return {**plain, **members}


def without(*names: str, **members: Any) -> dict[str, Any]:
    return {name: value for name, value in change(**members).items() if name not in names}


def accept_all(client_state: Any) -> bool:
    return True


def read_change(item: Any) -> ChangeNotification | Unreadable:
    [read] = read_changes({"value": [item], "validationTokens": ["jwt"]}, accept_all)
    return read


def test_plain_item_is_parsed() -> None:
    read = read_change(change(new={"a": [None]}))
    assert isinstance(read, ChangeNotification)
    assert read == ChangeNotification(
        subscription_id="s-1",
        tenant_id="t-1",
        change_type="created",
        lifecycle_event="",
        resource="communications/callRecords/1",
        text=read.text,
        encrypted=False,
    )
    assert json.loads(read.text) == without("clientState", new={"a": [None]})


@pytest.mark.parametrize(
    "event", ["reauthorizationRequired", "subscriptionRemoved", "missed", "somethingNew"]
)
def test_lifecycle_item_has_an_event_and_no_change_type(event: str) -> None:
    read = read_change(without("changeType", "resource", "resourceData", "id", lifecycleEvent=event))
    assert isinstance(read, ChangeNotification)
    assert (read.lifecycle_event, read.change_type, read.resource) == (event, "", "")


@pytest.mark.parametrize(
    ("content", "encrypted"),
    [
        pytest.param({"data": "x", "dataKey": "y", "encryptionCertificateId": "z"}, True, id="encrypted"),
        pytest.param(None, False, id="null"),
        pytest.param({}, False, id="empty"),
    ],
)
def test_encrypted_item_is_marked(content: Any, encrypted: bool) -> None:
    read = read_change(change(encryptedContent=content))
    assert isinstance(read, ChangeNotification)
    assert read.encrypted is encrypted
    assert json.loads(read.text)["encryptedContent"] == content


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        pytest.param(without("subscriptionId"), "subscriptionId: Missing data", id="no subscription"),
        pytest.param(change(subscriptionId=None), "subscriptionId: Field may not be null", id="a null one"),
        pytest.param(change(subscriptionId=5), "subscriptionId: Not a valid string", id="a number"),
        pytest.param(change(resource=["Ann"]), "resource: Not a valid string", id="an array as resource"),
        pytest.param(change(encryptedContent="Ann"), "encryptedContent: Not a valid mapping", id="a text"),
        pytest.param(change(new=nested(150, "Ann")), "nested more than 100 levels", id="nested 150 levels"),
        pytest.param(operation(), "subscriptionId: Missing data", id="a call's operation"),
        pytest.param("Ann", "an item that is no object", id="not an object"),
        pytest.param([change()], "an item that is no object", id="an array"),
    ],
)
def test_invalid_item_is_quarantined_alone(item: Any, reason: str) -> None:
    before, read, after = read_changes({"value": [change(), item, change()]}, accept_all)
    assert isinstance(before, ChangeNotification)
    assert before == after
    assert isinstance(read, Unreadable)
    assert read.reason.startswith(reason)
    assert "Ann" not in read.reason
    assert read.contract == "notifications"
    json.loads(read.text)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(change(), id="plain"),
        pytest.param(change(encryptedContent={"data": "x"}), id="encrypted"),
        pytest.param(without("changeType", lifecycleEvent="missed"), id="lifecycle"),
        pytest.param(without("subscriptionId"), id="unreadable"),
        pytest.param(change(new=nested(150)), id="nested too deeply"),
    ],
)
def test_client_state_is_not_in_the_text(item: dict[str, Any]) -> None:
    read = read_change(item)
    assert STATE not in read.text
    assert STATE not in repr(read)


@pytest.mark.parametrize(
    ("item", "client_state"),
    [
        pytest.param(without("clientState"), None, id="missing"),
        pytest.param(change(clientState=None), None, id="null"),
        pytest.param(change(clientState=5), 5, id="a number"),
        pytest.param(change(clientState=["a"]), ["a"], id="an array"),
        pytest.param("text", None, id="an item that is not an object"),
    ],
)
def test_item_without_accepted_client_state_is_not_parsed(item: Any, client_state: Any) -> None:
    compared: list[object] = []

    def is_accepted(state: object) -> bool:
        compared.append(state)
        return state == STATE

    found = read_changes({"value": [item, change()]}, is_accepted)
    assert compared == [client_state, STATE]
    assert found == read_changes({"value": [change()]}, accept_all)


@pytest.mark.parametrize("tokens", [None, 5, ["jwt", 5]])
def test_odd_validation_tokens_are_ignored(tokens: Any) -> None:
    [read] = read_changes({"value": [change()], "validationTokens": tokens}, accept_all)
    assert isinstance(read, ChangeNotification)


@pytest.mark.parametrize("document", [[], {}, {"value": None}, {"value": change()}, "value", None, 5])
def test_body_without_a_list_is_refused(document: Any) -> None:
    with pytest.raises(InvalidEnvelopeError, match="list `value`"):
        read_changes(document, accept_all)
