"""The quarantine over HTTP: entries, groups and deletion."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.notifications import CALL, OPERATION, item, operation
from tests.support.service import ALL, READ, WRITE, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer

ANN = "Ann Example"
NUMBER = "+15550100"
MASKED = "/communications/calls/{id}/operations/{id}"
STREAM = "receiver:{0}:quarantine"


def listed(service: Service, query: str = "") -> Any:
    return service.get(f"/quarantine{query}", key=WRITE).json


def session(service: Service, key: str) -> dict[str, str]:
    form = urlencode({"key": key}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = service.request("POST", "/sign-in", key=None, body=form, headers=headers)
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def odd(number: int, **members: object) -> dict[str, object]:
    return operation(cc=f"odd-{number}", op=f"{number:08}-d628-42ed-b4bd-8ac290072cc5", **members)  # type: ignore[arg-type]


def test_entry_has_reason_type_and_address(service: Service) -> None:
    service.call_back(
        operation(resultInfo={"code": ANN}, participants=[{"identity": {"user": {"id": NUMBER}}}])
    )
    [entry] = listed(service)["items"]
    assert entry["reason"] == "The member `resultInfo.code` must be a whole number."
    assert (entry["address"], entry["type"]) == (MASKED, "inviteParticipantsOperation")
    assert entry["replayable"]
    for hidden in (ANN, NUMBER, CALL, OPERATION):
        assert hidden not in json.dumps(listed(service))


def test_equal_entries_are_counted_together(service: Service) -> None:
    service.call_back(*(odd(number, resultInfo=NUMBER) for number in range(3)), "broken")
    service.call_back(odd(9, resultInfo=ANN), odd(9, type="recordOperation", resultInfo=ANN))
    groups = listed(service)["groups"]
    assert [(group["type"], group["count"]) for group in groups.values()] == [
        ("recordOperation", 1),
        ("inviteParticipantsOperation", 4),
        (None, 1),
    ]
    [_, (group_id, several), _] = groups.items()
    entries = listed(service, f"?group={group_id}&limit=3")
    assert [entry["group"] for entry in entries["items"]] == [group_id] * 3
    assert several["last"] == entries["items"][0]["at"]
    [last] = listed(service, f"?group={group_id}&cursor={entries['next']}")["items"]
    assert several["first"] == last["at"]
    assert listed(service, "?group=unknown")["items"] == []


def test_many_entries_are_grouped_without_a_gap(service: Service) -> None:
    for start in range(0, 130, 65):
        service.call_back(*(odd(number, resultInfo=NUMBER) for number in range(start, start + 65)))
    [(group_id, group)] = listed(service)["groups"].items()
    assert group["count"] == 130
    assert len(listed(service, f"?group={group_id}&limit=200")["items"]) == 130


@pytest.mark.parametrize(
    "broken",
    ["text", {"foo": 1}, {**operation(), "subscriptionId": "s"}, {"value": 5}],
)
def test_item_that_can_never_be_read_is_not_replayable(service: Service, broken: Any) -> None:
    service.call_back(broken)
    [entry] = listed(service)["items"]
    [group] = listed(service)["groups"].values()
    assert (entry["replayable"], group["replayable"]) == (False, False)
    refused = service.request("POST", f"/quarantine/{entry['id']}/replay", key=WRITE)
    assert (refused.status, refused.problem) == (409, "still-unreadable")
    assert refused.json["detail"].startswith("It stays in quarantine. ")


def test_body_that_is_not_json_is_not_replayable(service: Service) -> None:
    assert service.call_back(body=f'{{"name": "{ANN}", '.encode()).status == 400
    [entry] = listed(service)["items"]
    assert (entry["replayable"], entry["item"]) == (False, "[redacted]")
    assert entry["reason"].startswith("The body is not JSON.")


def test_deleting_an_entry_keeps_the_others(service: Service, store: StoreServer) -> None:
    service.call_back(odd(1, resultInfo=NUMBER), odd(2, resultInfo=NUMBER))
    newest, oldest = listed(service)["items"]
    assert service.request("DELETE", f"/quarantine/{newest['id']}", key=WRITE).status == 204
    assert [entry["id"] for entry in listed(service)["items"]] == [oldest["id"]]
    again = service.request("DELETE", f"/quarantine/{newest['id']}", key=WRITE)
    assert (again.status, again.problem) == (404, "quarantine-entry-not-found")
    assert service.request("DELETE", "/quarantine/no-id", key=WRITE).status == 400
    assert "odd-2" not in str(store.contents())


def test_deleting_a_group_deletes_all_its_entries(service: Service) -> None:
    service.call_back(*(odd(number, resultInfo=NUMBER) for number in range(60)), "broken")
    [other, several] = listed(service)["groups"]
    path = f"/quarantine/groups/{several}"
    assert service.request("DELETE", path, key=READ).status == 403
    assert service.request("DELETE", path, key=WRITE).status == 204
    assert list(listed(service)["groups"]) == [other]
    again = service.request("DELETE", path, key=WRITE)
    assert (again.status, again.problem) == (404, "quarantine-entry-not-found")


def test_page_of_another_site_deletes_nothing(service: Service) -> None:
    service.call_back("broken")
    [entry] = listed(service)["items"]
    cookie = session(service, ALL)
    for path in (f"/quarantine/{entry['id']}", f"/quarantine/groups/{entry['group']}"):
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
            refused = service.request("DELETE", path, key=None, headers={**cookie, **headers})
            assert (refused.status, refused.problem) == (403, "forbidden")
    assert len(listed(service)["items"]) == 1
    ours = {**cookie, "Sec-Fetch-Site": "same-origin"}
    assert service.request("DELETE", f"/quarantine/{entry['id']}", key=None, headers=ours).status == 204


def test_entries_of_the_first_version_are_grouped_as_well(service: Service, store: StoreServer) -> None:
    service.call_back(operation(resultInfo=NUMBER))
    [(entry_id, fields)] = store.stream(STREAM)
    for name in (b"address", b"type", b"replayable"):
        del fields[name]
    store.client.xadd(STREAM, fields)
    [(group_id, group)] = listed(service)["groups"].items()
    assert (group["count"], group["address"], group["replayable"]) == (2, MASKED, True)
    store.client.xdel(STREAM, entry_id)
    assert listed(service)["items"][0]["group"] == group_id


def test_unreadable_entry_is_skipped(start: Start, store: StoreServer) -> None:
    service = start()  # of its own, since /readyz reports skipped values
    service.call_back("broken")
    store.client.xadd(STREAM, {"odd": "entry"})
    assert [group["count"] for group in listed(service)["groups"].values()] == [1]
    assert len(listed(service)["items"]) == 1
    page = service.get("/view/quarantine", key=ALL)
    assert page.status == 200


def test_page_of_the_quarantine_needs_the_scope_write(service: Service) -> None:
    service.call_back(item("/users/1", "broken"))
    for headers in ({"Authorization": f"Bearer {READ}"}, session(service, READ)):
        refused = service.get("/view/quarantine", key=None, headers=headers)
        assert refused.status == 403
        assert b"This needs an API key with the scope" in refused.body
        assert b"must be a JSON object" not in refused.body
        overview = service.get("/", key=None, headers=headers)
        assert b"/view/quarantine" not in overview.body
    assert b"/view/quarantine" in service.get("/", key=ALL).body
    assert service.get("/view/quarantine", key=WRITE).status == 200
