"""Overdue operations over real HTTP: streamed once, by any process, and ended by a late result."""

import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.listening import Listener
from tests.support.notifications import operation
from tests.support.overdue import wait_until_overdue
from tests.support.service import ALL, READ, WRITE, Service
from tests.support.service_fixtures import Start
from tests.support.store_rules import hold_store
from tests.support.stores import StoreServer

INVITE = "/operations/invite-1"


def register(service: Service, deadline: int | str, name: str = "invite-1") -> dict[str, object]:
    created = service.request("PUT", f"/operations/{name}?deadline={deadline}", key=ALL)
    assert created.status == 201, created.body
    response: dict[str, object] = created.json
    return response


def listed(service: Service, query: str) -> list[str]:
    return [one["clientContext"] for one in service.get(f"/operations?{query}").json["operations"]]


def test_overdue_operation_is_streamed_once_by_every_process(
    service: Service, other_service: Service
) -> None:
    with Listener(service) as listener, Listener(other_service, "?clientContext=invite-1") as other:
        created = register(service, 1)
        assert (created["overdue"], created["status"]) == (False, None)
        assert str(created["due"]) > str(created["firstSeen"])
        register(service, 9999, "in-time")
        response = wait_until_overdue(service)
        assert (response["done"], response["due"], response["timeline"]) == (False, created["due"], [])
        assert listed(service, "overdue=true") == ["invite-1"]
        assert listed(service, "overdue=true&clientContext=in-time") == []
        assert listed(service, "overdue=false") == ["in-time"]
        service.call_back(operation(status="failed"))
        listener.wait_for(4, 20)
        other.wait_for(3, 20)
    by_name = [event.data["overdue"] for event in listener.events if event.data["clientContext"] != "in-time"]
    assert by_name == [event.data["overdue"] for event in other.events] == [False, True, False]
    late = service.get(INVITE).json
    assert (late["status"], late["overdue"], late["due"]) == ("failed", False, None)
    assert listed(service, "overdue=true") == []


def test_running_operation_gets_the_deadline_of_the_setting(start: Start) -> None:
    service = start(RECEIVER_OVERDUE_SECONDS="1")
    with Listener(service, "?clientContext=invite-1") as listener:
        service.call_back(operation(status="running"), operation(cc="done", op="done"))
        wait_until_overdue(service)
        service.call_back(operation(status="running"))
        assert service.get(INVITE).json["duplicates"] == 1
        assert service.get(INVITE).json["overdue"]
        assert not service.get("/operations/done").json["overdue"]
        service.call_back(operation())
        events = listener.wait_for(3)
    assert [event.data["status"] for event in events] == ["running", "running", "completed"]
    assert [event.data["overdue"] for event in events] == [False, True, False]


def test_wait_with_etag_ends_when_an_operation_is_overdue(service: Service) -> None:
    register(service, 1)
    etag = service.get(INVITE).headers["ETag"]
    response = service.get(f"{INVITE}?wait=20", headers={"If-None-Match": etag})
    assert (response.status, response.json["overdue"], response.headers["Retry-After"]) == (200, True, "2")


def test_longer_deadline_ends_overdue(service: Service) -> None:
    register(service, 1)
    wait_until_overdue(service)
    again = service.request("PUT", f"{INVITE}?deadline=86400", key=ALL, body={})
    assert (again.status, again.json["overdue"]) == (200, False)
    assert listed(service, "overdue=true") == []


def test_deleted_operation_leaves_no_deadline(service: Service, store: StoreServer) -> None:
    register(service, 1)
    register(service, 600, "in-time")
    wait_until_overdue(service)
    assert hold_store(store.client) == 2
    for name in ("invite-1", "in-time"):
        assert service.request("DELETE", f"/operations/{name}", key=WRITE).status == 204
    assert listed(service, "overdue=true") == []
    assert set(store.contents()) <= {"receiver:{0}:next", "receiver:{0}:oldest", "receiver:{0}:feed"}


def test_operation_due_between_two_runs_becomes_overdue(
    tmp_path: Path, store: StoreServer, issuer: Issuer
) -> None:
    with Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="2") as service:
        with Listener(service) as listener:
            due = register(service, 9999)["due"]
            listener.wait_for(1)
            service.kill()
        store.client.zadd("receiver:{0}:due", {"1": 1})  # as if that time had passed
        service.start()
        with Listener(service, last_id=listener.last_id) as resumed:
            [event] = resumed.wait_for(1, 20)
        assert (event.data["overdue"], event.data["due"]) == (True, due)


def test_unavailable_store_delays_overdue_and_is_logged_once(start: Start, store: StoreServer) -> None:
    service = start()
    register(service, 2)
    store.stall()
    try:
        deadline = time.monotonic() + 25
        while "overdue operations are marked later" not in service.log:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        store.go_on()
    wait_until_overdue(service)
    assert service.log.count("overdue operations are marked later") == 1


@pytest.mark.parametrize("deadline", ["", "0", "-1", "x", "1.5", "86401", "999999999999", "%C2%B2"])
def test_invalid_deadline_is_rejected(service: Service, deadline: str) -> None:
    refused = service.request("PUT", f"{INVITE}?deadline={deadline}", key=WRITE)
    assert (refused.status, refused.problem) == (400, "invalid-request")
    assert "86400" in refused.json["detail"]
    assert service.get(INVITE).status == 404


@pytest.mark.parametrize("overdue", ["", "maybe", "1"])
def test_invalid_overdue_filter_is_named(service: Service, overdue: str) -> None:
    refused = service.get(f"/operations?overdue={overdue}", key=READ)
    assert (refused.status, list(refused.json["errors"])) == (400, ["overdue"])


@pytest.mark.parametrize("hours", [-1, 1])
def test_receiver_with_wrong_clock_makes_nothing_overdue(
    service: Service, store: StoreServer, issuer: Issuer, tmp_path: Path, hours: int
) -> None:
    offset = tmp_path / "offset"
    offset.write_text(str(hours * 3600))
    wrong = Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1")
    try:
        wrong.start((sys.executable, "-m", "tests.faults.shifted", str(offset), "serve"))
        register(service, 600)
        response = register(wrong, 600, "by-the-wrong-one")
        for time_of in ("firstSeen", "due"):
            at = datetime.fromisoformat(str(response[time_of]).replace("Z", "+00:00"))
            assert abs(at.timestamp() - time.time()) < 700
        register(wrong, 1, "soon")
        wait_until_overdue(wrong, "soon")
        assert listed(service, "overdue=true") == ["soon"]
    finally:
        wrong.kill()
