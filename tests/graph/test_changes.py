"""Contract B: change notifications, plain part."""

import pytest

from receiver.errors import InvalidEnvelopeError
from receiver.graph.changes import read_changes
from receiver.graph.json import JSON
from receiver.graph.updates import ChangeNotification, Unreadable


def read(item: JSON) -> tuple[JSON, ChangeNotification | Unreadable]:
    [found] = read_changes({"value": [item]})
    return found


def test_a_plain_item_is_read_and_its_client_state_taken_out() -> None:
    state, item = read(
        {"subscriptionId": "s", "clientState": "c-secret", "changeType": "Updated", "resource": "r"}
    )
    assert state == "c-secret"
    assert isinstance(item, ChangeNotification)
    assert (item.subscription_id, item.change_type, item.resource, item.encrypted) == (
        "s",
        "Updated",
        "r",
        False,
    )
    assert "c-secret" not in item.text


def test_a_lifecycle_item_has_no_change_type() -> None:
    _, item = read({"subscriptionId": "s", "lifecycleEvent": "missed", "changeType": None})
    assert isinstance(item, ChangeNotification)
    assert (item.lifecycle_event, item.change_type) == ("missed", "")


def test_an_encrypted_item_is_marked() -> None:
    _, item = read({"subscriptionId": "s", "encryptedContent": {"data": "x"}})
    assert isinstance(item, ChangeNotification)
    assert item.encrypted


@pytest.mark.parametrize(
    "item", [5, None, [], {}, {"subscriptionId": 5}, {"subscriptionId": "s", "changeType": {}}]
)
def test_an_item_that_can_not_be_read_keeps_no_client_state(item: JSON) -> None:
    given: JSON = {**item, "clientState": "c-secret"} if isinstance(item, dict) else item
    state, found = read(given)
    assert isinstance(found, Unreadable)
    assert found.contract == "notifications"
    assert state == ("c-secret" if isinstance(item, dict) else None)
    assert "c-secret" not in f"{found.text} {found.reason}"


@pytest.mark.parametrize("document", [[], None, {}, {"value": 5}, "x"])
def test_a_body_that_is_no_collection_is_refused(document: JSON) -> None:
    with pytest.raises(InvalidEnvelopeError):
        read_changes(document)
