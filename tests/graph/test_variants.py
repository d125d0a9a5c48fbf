"""Every variant of contract A, in the order of the wire contract's table."""

import json
from typing import Any

import pytest

from receiver.errors import InvalidJSONError
from receiver.graph.call_notifications import is_old_skype_call, read_notification
from receiver.graph.json_codec import parse
from receiver.graph.statuses import ENDED_RANK
from tests.support.graph_reading import TENANT, members, read, read_call, read_operation, read_roster
from tests.support.notifications import CALL, OPERATION, call, item, operation, roster

SHORT = f"calls/{CALL}/operations/{OPERATION}"
UNDASHED_CALL = CALL.replace("-", "").upper()
UNDASHED_OPERATION = OPERATION.replace("-", "").upper()
UNDASHED_URL = f"/communications/calls/{UNDASHED_CALL}/operations/{UNDASHED_OPERATION}"
NAMELESS_URL = f"/communications/calls/{CALL}/operations/participants"
OTHER_CALL = "11111111-894c-409a-b240-bd8beae78896"


def addressed(**addresses: str) -> dict[str, Any]:
    """Return an operation whose body has no id, under these addresses only."""
    made = operation(op=OPERATION)
    del made["resourceUrl"], made["resourceData"]["id"]
    return {**made, **addresses}


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(
            {"resource": f"/app/{SHORT}", "resourceUrl": f"/communications/{SHORT}"},
            id="both resource and resourceUrl",
        ),
        pytest.param({"resourceUrl": f"/communications/{SHORT}"}, id="resourceUrl only"),
        pytest.param({"resource": f"/app/{SHORT}"}, id="resource only"),
        pytest.param({"resource": f"/app/{SHORT}", "resourceUrl": ""}, id="an empty resourceUrl"),
        pytest.param({"resourceUrl": f"communications/{SHORT}"}, id="no leading slash"),
        pytest.param({"resourceUrl": UNDASHED_URL}, id="upper-case undashed ids"),
    ],
)
def test_operation_id_is_taken_from_any_address(addresses: dict[str, str]) -> None:
    update = read_operation(addressed(**addresses))
    assert (update.call_id, update.operation_id) == (CALL, OPERATION)


def test_undashed_id_in_the_url_equals_a_dashed_one() -> None:
    undashed = {**operation(), "resourceUrl": UNDASHED_URL}
    assert read_operation(undashed) == read_operation(operation())


def test_operation_id_in_the_url_only_is_taken() -> None:
    without = operation()
    del without["resourceData"]["id"]
    assert read_operation(without) == read_operation(operation())


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(NAMELESS_URL, id="beside an address without an id"),
        pytest.param("", id="beside no address"),
    ],
)
def test_operation_id_in_the_odata_id_only_is_taken(url: str) -> None:
    resource = {**operation()["resourceData"], "id": None, "@odata.id": UNDASHED_URL}
    update = read_operation(item(url, resource))
    assert (update.call_id, update.operation_id) == (CALL, OPERATION)
    assert members(update)["@odata.id"] == UNDASHED_URL


def test_id_of_the_url_takes_precedence() -> None:
    resource = {"id": "from-the-body", "@odata.id": f"/communications/calls/{OTHER_CALL}/operations/other"}
    update = read_operation(operation(**resource))
    assert (update.call_id, update.operation_id) == (CALL, OPERATION)


def test_operation_without_an_id_is_accepted() -> None:
    resource = {**operation()["resourceData"], "id": None}
    update = read_operation(item(NAMELESS_URL, resource))
    assert (update.client_context, update.call_id, update.operation_id) == ("invite-1", CALL, "")


def test_roster_at_the_address_of_operations_is_parsed() -> None:
    participants = roster({"id": None, "isMuted": True})["resourceData"]
    update = read_roster(item(NAMELESS_URL, participants, "updated"))
    assert update.call_id == CALL
    assert json.loads(update.participants) == participants


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param({}, id="missing in the body"),
        pytest.param({"id": None}, id="null in the body"),
        pytest.param({"id": OTHER_CALL}, id="another in the body"),
    ],
)
def test_call_id_is_taken_from_the_url(resource: dict[str, Any]) -> None:
    assert read_call(call("established", **resource)).call_id == CALL


def test_roster_as_an_array_is_parsed() -> None:
    update = read_roster(roster({"id": "p1"}, {"id": "p2", "isInLobby": False}))
    assert [one["id"] for one in json.loads(update.participants)] == ["p1", "p2"]
    assert (update.call_id, update.tenant_id) == (CALL, TENANT)


def test_empty_roster_is_a_roster() -> None:
    assert read_roster(roster()).participants == "[]"


def test_roster_of_one_as_an_object_is_parsed() -> None:
    [participant] = roster({"id": "p1"})["resourceData"]
    url = f"/communications/calls/{CALL}/participants"
    assert read_roster(item(url, participant)) == read_roster(roster({"id": "p1"}))


def test_operation_as_an_array_is_parsed() -> None:
    in_array = {**operation(), "resourceData": [operation()["resourceData"]]}
    assert read_operation(in_array) == read_operation(operation())


def test_several_operations_in_one_array_are_parsed() -> None:
    resources = [operation(cc=cc, op=op)["resourceData"] for cc, op in (("a", "1"), ("b", "2"))]
    notification = read(item(f"/communications/calls/{CALL}/operations", resources))
    assert notification.updates == (
        read_operation(operation(cc="a", op="1")),
        read_operation(operation(cc="b", op="2")),
    )


@pytest.mark.parametrize(
    "change_type", ["Deleted", "updated", "Updated", "created", "unknownFutureValue", None]
)
def test_change_type_of_an_operation_is_ignored(change_type: Any) -> None:
    assert read_operation(operation(change_type=change_type)) == read_operation(operation())


def test_missing_change_type_is_accepted() -> None:
    without = operation()
    del without["changeType"]
    assert read_operation(without) == read_operation(operation())


def test_deleted_operation_keeps_its_result() -> None:
    update = read_operation(operation(status="failed", change_type="deleted", resultInfo={"code": 408}))
    assert (update.status, members(update)["resultInfo"]) == ("failed", {"code": 408})


@pytest.mark.parametrize(
    "change_type",
    ["updated", "Updated", "created", "unknownFutureValue"],
)
def test_only_change_type_deleted_ends_a_call(change_type: str) -> None:
    assert read_call(call("established", change_type=change_type)).state == "established"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        pytest.param({"code": "0", "subcode": "10057"}, {"code": 0, "subcode": 10057}, id="texts"),
        pytest.param({"code": "-1"}, {"code": -1}, id="a negative text, and no subcode"),
        pytest.param({"code": " 200 "}, {"code": 200}, id="a text with spaces"),
        pytest.param({"code": 200, "subcode": 0}, {"code": 200, "subcode": 0}, id="numbers"),
        pytest.param({"code": None, "subcode": None}, {"code": None, "subcode": None}, id="nulls"),
        pytest.param({"code": 2**70}, {"code": 2**70}, id="a number beyond 64 bits"),
        pytest.param({"code": 1, "new": "1"}, {"code": 1, "new": "1"}, id="a member of its own"),
        pytest.param(None, None, id="null"),
    ],
)
def test_numbers_of_result_info_may_be_texts(written: Any, read_as: Any) -> None:
    assert members(read_operation(operation(resultInfo=written)))["resultInfo"] == read_as


def test_extra_members_of_an_item_are_ignored() -> None:
    extra = {
        **operation(),
        "callbackUri": "https://bot.test/",
        "tenantId": "t",
        "a.b": [1],
        "clientState": None,
    }
    assert read_operation(extra) == read_operation(operation())


def test_extra_members_of_a_resource_are_kept() -> None:
    extra: dict[str, Any] = {
        "a.b": {"deep": [1, None]},
        "resultInfo.code": 5,
        "_schema": "x",
        "": 0,
        "@odata.etag": 'W/"1"',
    }
    assert members(read_operation(operation(**extra))) == extra
    assert members(read_call(call(**extra))) == extra


@pytest.mark.parametrize(
    ("path", "resource", "ignored"),
    [
        pytest.param(
            "contentsharingsessions",
            [{"@odata.type": "#microsoft.graph.contentSharingSession", "id": "F7"}],
            "contentsharingsessions",
            id="content sharing",
        ),
        pytest.param(
            "contentSharingSessions", None, "contentsharingsessions", id="content sharing that ended"
        ),
        pytest.param("audioRoutingGroups/1", {"id": "1"}, "audioroutinggroups", id="audio routing groups"),
    ],
)
def test_other_resources_are_ignored_and_named(path: str, resource: Any, ignored: str) -> None:
    notification = read(item(f"/communications/calls/{CALL}/{path}", resource, "created"))
    assert (notification.updates, notification.unreadable, notification.ignored) == ((), (), (ignored,))


def test_tone_is_part_of_a_call_update() -> None:
    tone = {"@odata.type": "#microsoft.graph.toneInfo", "sequenceId": 1, "tone": "tone1"}
    update = read_call(call("established", toneInfo=tone))
    assert (update.state, members(update)) == ("established", {"toneInfo": tone})


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(
            {"@odata.type": "#microsoft.graph.call", "@odata.id": f"/x/calls/{CALL}"}, id="no state"
        ),
        pytest.param({"@odata.type": "#microsoft.graph.call", "state": "established"}, id="an earlier state"),
        pytest.param({}, id="an empty object"),
        pytest.param([], id="an empty array"),
        pytest.param(None, id="null"),
    ],
)
@pytest.mark.parametrize("change_type", ["deleted", "Deleted"])
def test_deleted_call_without_a_state_has_ended(resource: Any, change_type: str) -> None:
    update = read_call(item(f"/communications/calls/{CALL}", resource, change_type))
    assert (update.call_id, update.state, update.rank) == (CALL, "terminated", ENDED_RANK)


def test_deleted_call_without_a_resource_has_ended() -> None:
    without = call(None, change_type="deleted")
    del without["resourceData"]
    assert read_call(without).state == "terminated"


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n"], ids=["nothing", "a space", "an empty line"])
def test_empty_body_is_not_json(body: bytes) -> None:
    with pytest.raises(InvalidJSONError):
        parse(body)


@pytest.mark.parametrize(
    ("document", "is_old"),
    [
        pytest.param({"id": "x", "callState": "incoming", "links": {}}, True, id="the old format"),
        pytest.param({"callState": None}, True, id="without a state"),
        pytest.param({"value": [], "callState": "incoming"}, False, id="a collection"),
        pytest.param({"value": [call()]}, False, id="Graph's own format"),
        pytest.param(["callState"], False, id="an array"),
        pytest.param("callState", False, id="a text"),
    ],
)
def test_old_skype_format_is_recognised(document: Any, is_old: bool) -> None:
    assert is_old_skype_call(document) is is_old


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        pytest.param("utf-8", None, id="no charset"),
        pytest.param("utf-8", "utf-8", id="charset=utf-8"),
        pytest.param("utf-8", "Windows-1252", id="charset=Windows-1252, and UTF-8 after all"),
        pytest.param("cp1252", "Windows-1252", id="charset=Windows-1252"),
        pytest.param("utf-8-sig", None, id="a byte order mark"),
    ],
)
def test_body_is_parsed_in_each_charset(encoding: str, charset: str | None) -> None:
    sent = operation(participants=[{"identity": {"user": {"displayName": "Zoë"}}}])
    body = json.dumps({"value": [sent]}, ensure_ascii=False).encode(encoding)
    [update] = read_notification(parse(body, charset), TENANT).updates
    assert update == read_operation(sent)
