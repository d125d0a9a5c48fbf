"""Items that can't be parsed are quarantined one by one, with a reason that does not quote them."""

import json
from typing import Any

import pytest

from receiver.errors import InvalidEnvelopeError
from receiver.graph.call_notifications import read_notification
from receiver.graph.envelope import quarantine_item
from tests.support.graph_reading import TENANT, nested, read, read_operation, read_unreadable
from tests.support.notifications import CALL, OPERATION, call, item, operation, roster

CONTENT = "+15550100 Ann"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(operation(id=5), "id: Not a valid string.", id="an id that is a number"),
        pytest.param(operation(clientContext=[CONTENT]), "clientContext: Not a valid string.", id="an array"),
        pytest.param(operation(clientContext=[]), "clientContext: Not a valid string.", id="an empty array"),
        pytest.param(operation(clientContext=False), "clientContext: Not a valid string.", id="a boolean"),
        pytest.param(
            operation(cc=CONTENT + "x" * 244),
            "clientContext: Longer than 256 characters.",
            id="a client context of 257 characters",
        ),
        pytest.param(
            operation(resultInfo=CONTENT), "resultInfo: Invalid input type.", id="a text as resultInfo"
        ),
        pytest.param(
            operation(resultInfo={"code": CONTENT}),
            "resultInfo.code: Not a whole number.",
            id="a code that is not a number",
        ),
        pytest.param(
            operation(resultInfo={"code": "--5"}), "resultInfo.code: Not a whole number.", id="two signs"
        ),
        pytest.param(
            operation(resultInfo={"code": True}), "resultInfo.code: Not a whole number.", id="true as a code"
        ),
        pytest.param(
            operation(resultInfo={"code": 1.5}), "resultInfo.code: Not a whole number.", id="half a code"
        ),
        pytest.param(
            operation(resultInfo={"message": [CONTENT]}),
            "resultInfo.message: Not a valid string.",
            id="an array as message",
        ),
        pytest.param(
            operation(clientContext=5, id=[CONTENT], participants=CONTENT),
            "clientContext: Not a valid string.; id: Not a valid string.",
            id="several, of which the minor one is not named",
        ),
        pytest.param(
            item(f"/communications/calls/{CALL}", {"state": {"x": CONTENT}}),
            "state: Not a valid string.",
            id="a call's state",
        ),
        pytest.param({**operation(), "resourceUrl": 5}, "resourceUrl: Not a valid string.", id="the address"),
        pytest.param(
            {**operation(), "changeType": [CONTENT]}, "changeType: Not a valid string.", id="the change type"
        ),
        pytest.param(
            item(f"/communications/calls/{CALL}/operations/{OPERATION}", CONTENT),
            "a resource that is no object",
            id="a text as an operation",
        ),
        pytest.param(
            item(f"/communications/calls/{CALL}", [CONTENT]),
            "a resource that is no object",
            id="a text as a call",
        ),
        pytest.param(roster() | {"resourceData": [5]}, "a participant that is no object", id="a participant"),
        pytest.param(
            roster() | {"resourceData": None}, "a participant that is no object", id="no roster at all"
        ),
        pytest.param(
            item("", roster({"id": "p"})["resourceData"]), "a roster of no call", id="a roster of no call"
        ),
        pytest.param(
            item("", {"@odata.type": "#microsoft.graph.call"}),
            "a call without an id",
            id="a call without an id",
        ),
        pytest.param(
            item(CONTENT, {"id": CONTENT}), "neither its type nor its address says what it is", id="anything"
        ),
        pytest.param(CONTENT, "an item that is no object", id="a text"),
        pytest.param([operation()], "an item that is no object", id="an array"),
        pytest.param(None, "an item that is no object", id="null"),
        pytest.param(
            operation(new=nested(150)),
            "nested more than 100 levels deep",
            id="an operation nested 150 levels",
        ),
        pytest.param(
            call(new=nested(300)), "nested more than 100 levels deep", id="a call nested 300 levels"
        ),
        pytest.param(
            roster({"new": nested(150)}), "nested more than 100 levels deep", id="a roster nested 150 levels"
        ),
    ],
)
def test_invalid_item_is_quarantined_alone(broken: Any, reason: str) -> None:
    notification = read(operation(cc="before"), broken, operation(cc="after"))
    assert notification.updates == (
        read_operation(operation(cc="before")),
        read_operation(operation(cc="after")),
    )
    [unreadable] = notification.unreadable
    assert (unreadable.reason, unreadable.contract, unreadable.tenant_id) == (reason, "callback", TENANT)
    json.loads(unreadable.text)


def test_status_that_is_a_number_is_quarantined() -> None:
    broken = operation()
    broken["resourceData"]["status"] = 5
    assert read_unreadable(broken).reason == "status: Not a valid string."


@pytest.mark.parametrize("client_context", [None, ""])
def test_operation_without_context_and_call_is_quarantined(client_context: str | None) -> None:
    lost = item("", operation(cc=client_context)["resourceData"])
    assert read_unreadable(lost).reason == "an operation with neither a client context nor a call"


def test_operation_with_context_and_no_call_is_accepted() -> None:
    update = read_operation(item("", operation()["resourceData"]))
    assert (update.client_context, update.call_id, update.operation_id) == ("invite-1", "", OPERATION)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"subscriptionId": "s", "changeType": "created", "resource": "users/1"}, id="plain"),
        pytest.param({"subscriptionId": "s", "lifecycleEvent": "missed"}, id="lifecycle"),
        pytest.param({**operation(), "subscriptionId": "s"}, id="one that contains an operation"),
    ],
)
def test_change_notification_at_callback_is_quarantined(change: dict[str, Any]) -> None:
    assert "/notifications" in read_unreadable(change).reason


def test_quarantine_entry_keeps_the_item_unchanged() -> None:
    broken = operation(resultInfo=CONTENT, participants=[{"identity": None}])
    unreadable = read_unreadable(broken)
    assert json.loads(unreadable.text) == broken
    assert unreadable.client_context == "invite-1"


@pytest.mark.parametrize(
    ("broken", "client_context"),
    [
        pytest.param(operation(cc="a", resultInfo="x"), "a", id="an object"),
        pytest.param(
            {**operation(), "resourceData": [None, operation(cc="a", resultInfo="x")["resourceData"]]},
            "a",
            id="an array",
        ),
        pytest.param(operation(clientContext=5), "", id="one that is not a text"),
        pytest.param(5, "", id="no object"),
    ],
)
def test_quarantine_entry_has_the_client_context(broken: Any, client_context: str) -> None:
    assert read_unreadable(broken).client_context == client_context


def test_too_deep_item_is_kept_pruned() -> None:
    unreadable = read_unreadable(operation(resultInfo={"code": 408}, new=nested(300)))
    kept = json.loads(unreadable.text)
    assert kept["resourceData"]["resultInfo"] == {"code": 408}
    assert "…" in unreadable.text
    assert "core" not in unreadable.text


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([operation()], id="an array"),
        pytest.param(operation(), id="an item without an envelope"),
        pytest.param({}, id="an empty object"),
        pytest.param({"value": None}, id="no list"),
        pytest.param({"value": operation()}, id="an object as the list"),
        pytest.param({"value": "[]"}, id="a text as the list"),
        pytest.param({"Value": []}, id="a name in another case"),
        pytest.param("value", id="a text"),
        pytest.param(5, id="a number"),
        pytest.param(None, id="null"),
    ],
)
def test_body_without_a_list_is_refused(document: Any) -> None:
    with pytest.raises(InvalidEnvelopeError, match="list `value`"):
        read_notification(document, TENANT)
    json.loads(quarantine_item(document, "reason", "callback", TENANT).text)


def test_empty_list_has_no_updates() -> None:
    notification = read_notification({"value": [], "new": 1, "validationTokens": 5}, TENANT)
    assert (notification.updates, notification.unreadable, notification.ignored) == ((), (), ())
