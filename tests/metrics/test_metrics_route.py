"""`/metrics` of a real receiver with two workers."""

import subprocess
from shutil import which

import psutil
import pytest

from tests.support.listening import Listener
from tests.support.notifications import call, operation, roster
from tests.support.scraping import ALONE, scrape, scrape_until
from tests.support.service import CLIENT_STATE, WRITE, Service
from tests.support.service_fixtures import Start
from tests.support.waiting import until


@pytest.fixture
def two_workers(start: Start) -> Service:
    """A new receiver with two workers, whose counters are 0."""
    return start(WEB_CONCURRENCY="2", DYNO="web.7")


def test_metrics_need_a_key_with_scope_read(service: Service) -> None:
    assert service.get("/metrics", key=None).problem == "invalid-api-key"
    assert service.get("/metrics", key=WRITE).problem == "insufficient-scope"
    assert service.get("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_items_are_counted_by_type_result_and_reason(two_workers: Service) -> None:
    service = two_workers
    running, completed = operation(status="running"), operation(resultInfo={"code": 200})
    service.call_back(running, completed, completed)
    service.call_back(operation(status="failed"), call("established"), roster({"id": "p"}))
    service.call_back(operation(cc="other", op="", type="brandNewOperation"), 17)
    service.call_back(operation(cc="bad", resultInfo="a text"))
    item = {"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": "updated", "resource": "r"}
    service.request("POST", "/notifications", key=None, body={"value": [item]})
    found = scrape(service)
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
    found = scrape(service)
    for reason in ("malformed", "signature", "issuer", "missing-token"):
        assert found.value("receiver_token_failures_total", reason=reason) == 1, reason
    assert found.value("receiver_token_failures_total") == 4
    assert found.value("receiver_refusals_total", problem="invalid-token") == 3
    assert found.value("receiver_refusals_total", problem="operation-not-found") == 1
    assert found.value("receiver_callback_answer_seconds_count", outcome="refused") == 4


def test_counters_of_a_killed_worker_stay(two_workers: Service) -> None:
    service = two_workers
    assert service.process
    for number in range(20):
        service.call_back(operation(cc=f"cc-{number}"), headers=ALONE)
    scrape_until(service, lambda found: found.value("receiver_workers") == 2)
    master = psutil.Process(service.process.pid)
    before = master.children()
    before[0].kill()
    until(lambda: len({*master.children()} - {*before}) == 1, 30)
    found = scrape_until(service, lambda found: found.value("receiver_workers") == 2)
    assert found.value("receiver_notifications_total") == 20
    service.call_back(operation(cc="one more"), headers=ALONE)
    assert scrape(service).value("receiver_notifications_total") == 21


def test_gauges_show_streams_and_signing_keys(start: Start) -> None:
    """On its own receiver: the streams of other tests end late, since a client's disconnect is noticed late."""
    service = start(WEB_CONCURRENCY="2")
    scrape_until(service, lambda found: found.value("receiver_workers") == 2)
    found = scrape_until(service, lambda found: found.value("receiver_signing_keys") == 1)
    assert 0 <= found.value("receiver_signing_keys_age_seconds") < 3600
    with Listener(service):
        scrape_until(service, lambda found: found.value("receiver_open_streams") == 1)
    for name in ("open_streams", "waiters", "feed_lag_seconds", "store_queued_calls"):
        assert f"receiver_{name}" in found.names


def test_a_scrape_is_not_logged(service: Service) -> None:
    scrape(service)
    assert "route=/metrics" not in service.log


@pytest.mark.skipif(which("promtool") is None, reason="no promtool on this machine")
def test_metrics_pass_promtool_check(service: Service) -> None:
    service.call_back(operation())
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        check=False,
        input=scrape(service).text,
        text=True,
        capture_output=True,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
