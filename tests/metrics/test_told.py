"""`/metrics` of a real receiver with two workers."""

import subprocess
from shutil import which

import psutil
import pytest

from tests.metrics.told import ALONE, told, told_until
from tests.server.running import until
from tests.support.listening import Listener
from tests.support.notifications import call, operation, roster
from tests.support.service import CLIENT_STATE, WRITE, Service
from tests.web.conftest import Start


@pytest.fixture
def two_workers(start: Start) -> Service:
    """A receiver that has counted nothing yet, with two workers."""
    return start(WEB_CONCURRENCY="2", DYNO="web.7")


def test_who_has_a_key_to_read_may_read_them(service: Service) -> None:
    assert service.get("/metrics", key=None).problem == "invalid-api-key"
    assert service.get("/metrics", key=WRITE).problem == "insufficient-scope"
    assert service.get("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_items_are_counted_by_type_and_by_what_became_of_them(two_workers: Service) -> None:
    service = two_workers
    running, completed = operation(status="running"), operation(resultInfo={"code": 200})
    service.call_back(running, completed, completed)
    service.call_back(operation(status="failed"), call("established"), roster({"id": "p"}))
    service.call_back(operation(cc="other", op="", type="brandNewOperation"), 17)
    service.call_back(operation(cc="bad", resultInfo="a text"))
    item = {"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": "updated", "resource": "r"}
    service.request("POST", "/notifications", key=None, body={"value": [item]})
    found = told(service)
    counted = {
        tuple(sample.labels[name] for name in ("type", "result", "reason")): sample.value
        for sample in found.families["receiver_notifications"].samples
    }
    invite = "inviteParticipantsOperation"
    assert counted == {
        (invite, "new", ""): 1,
        (invite, "changed", ""): 1,
        (invite, "duplicate", ""): 1,
        (invite, "conflict", ""): 1,
        ("call", "new", ""): 1,
        ("roster", "changed", ""): 1,
        ("other", "new", ""): 1,
        ("unreadable", "kept", "an item that is no object"): 1,
        ("unreadable", "kept", "a member is not of its type"): 1,
        ("change", "kept", ""): 1,
    }
    assert found.value("receiver_callback_answer_seconds_count", outcome="accepted") == 4
    assert found.value("receiver_store_round_trip_seconds_count", way="write") >= 5
    assert found.value("receiver_store_batch_items_sum", way="write") >= 10
    samples = [sample for family in found.families.values() for sample in family.samples]
    assert {sample.labels.get("instance") for sample in samples} == {"web.7"}


def test_refusals_are_counted_by_reason(two_workers: Service) -> None:
    service = two_workers
    token = service.token()
    service.call_back(operation(), token="no token")
    service.call_back(operation(), token=token[:-5] + "AAAAA")
    service.call_back(operation(), token=service.token(issuer="https://evil.example"))
    service.request("POST", "/callback", key=None)
    service.get("/operations/unheard-of")
    found = told(service)
    for reason in ("malformed", "signature", "issuer", "missing-token"):
        assert found.value("receiver_token_failures_total", reason=reason) == 1, reason
    assert found.value("receiver_token_failures_total") == 4
    assert found.value("receiver_refusals_total", problem="invalid-token") == 3
    assert found.value("receiver_refusals_total", problem="operation-not-found") == 1
    assert found.value("receiver_callback_answer_seconds_count", outcome="refused") == 4


def test_any_worker_tells_what_all_have_counted_and_of_a_dead_one_only_its_present_is_lost(
    two_workers: Service,
) -> None:
    service = two_workers
    assert service.process
    for number in range(20):
        service.call_back(operation(cc=f"cc-{number}"), headers=ALONE)
    told_until(service, lambda found: found.value("receiver_workers") == 2)
    master = psutil.Process(service.process.pid)
    before = master.children()
    before[0].kill()
    until(lambda: len({*master.children()} - {*before}) == 1, 30)
    found = told_until(service, lambda found: found.value("receiver_workers") == 2)
    assert found.value("receiver_notifications_total") == 20
    service.call_back(operation(cc="one more"), headers=ALONE)
    assert told(service).value("receiver_notifications_total") == 21


def test_the_present_is_told(start: Start) -> None:
    """Of a receiver of its own: streams of other tests end late, since nobody says that he has gone."""
    service = start(WEB_CONCURRENCY="2")
    told_until(service, lambda found: found.value("receiver_workers") == 2)
    found = told_until(service, lambda found: found.value("receiver_signing_keys") == 1)
    assert 0 <= found.value("receiver_signing_keys_age_seconds") < 3600
    with Listener(service):
        told_until(service, lambda found: found.value("receiver_open_streams") == 1)
    for name in ("open_streams", "waiters", "feed_lag_seconds", "store_queued_calls"):
        assert f"receiver_{name}" in found.names


def test_reading_them_writes_no_line_in_the_log(service: Service) -> None:
    told(service)
    assert "route=/metrics" not in service.log


@pytest.mark.skipif(which("promtool") is None, reason="no promtool on this machine")
def test_prometheus_has_nothing_to_complain_of(service: Service) -> None:
    service.call_back(operation())
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        check=False,
        input=told(service).text,
        text=True,
        capture_output=True,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
