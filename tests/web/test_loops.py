"""Background loops that fail: each runs again and does its work, and `/readyz` names one that keeps failing."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.metrics.counters import LOOPS
from receiver.simulator.issuer import Issuer
from tests.support.listening import Listener
from tests.support.notifications import operation
from tests.support.scraping import Scrape, scrape_until
from tests.support.service import ALL, READ, Answer, Service
from tests.support.stores import StoreServer
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def failing(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Callable[[str], Service]]:
    """Start a receiver whose loops fail (see `failing.py`)."""
    settings = {"RECEIVER_SPOOL": str(tmp_path / "spool"), "RECEIVER_OVERDUE_SECONDS": "1"}
    service = Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1", **settings)

    def start(how: str) -> Service:
        service.start((sys.executable, "-m", "tests.web.failing", how, "serve"))
        return service

    yield start
    service.kill()


def call_back(service: Service, name: str, status: str = "completed") -> Answer:
    return service.call_back(operation(cc=name, op=name, status=status))


def ready(service: Service, *, key: str | None = READ) -> Answer:
    return service.get("/readyz", key=key)


def use_all_loops(service: Service, store: StoreServer) -> None:
    with Listener(service) as listener, ThreadPoolExecutor(60) as pool:
        waiting = pool.submit(service.get, "/operations/waited-for?wait=20")
        until(lambda: b"receiver_waiters" in service.get("/metrics").body)
        assert call_back(service, "waited-for").status == 202
        assert waiting.result().json["done"]
        assert call_back(service, "never-done", "running").status == 202
        until(lambda: service.get("/operations/never-done").json["overdue"])
        store.stall()
        asked = [pool.submit(service.get, f"/operations/{number}") for number in range(40)]
        sent = [pool.submit(call_back, service, f"spooled-{number}") for number in range(20)]
        assert {one.result().status for one in sent} <= {202, 503}
        store.go_on()
        assert {one.result().status for one in asked} <= {404, 503}
        until(lambda: call_back(service, "last").status == 202)
        until(lambda: ready(service).json["spool"]["waiting"] == 0)
        for number, one in enumerate(sent):
            if one.result().status == 202:
                assert service.get(f"/operations/spooled-{number}").json["done"]
        until(lambda: any(event.data["clientContext"] == "last" for event in listener.events))


def test_loops_that_fail_once_at_each_place_recover(
    failing: Callable[[str], Service], own_store: StoreServer
) -> None:
    service = failing("once")
    use_all_loops(service, own_store)
    until(lambda: ready(service).status == 200, 40)

    def are_counted(found: Scrape) -> bool:
        """Return whether each failure in the log is counted; the gauges' loop is the last to fail."""
        counts = {loop: found.value("receiver_loop_failures_total", loop=loop) for loop in LOOPS}
        log = service.log
        return counts["metrics"] > 0 and all(
            log.count(f"background loop {loop} failed") == number for loop, number in counts.items()
        )

    found = scrape_until(service, are_counted)
    failures = {loop: found.value("receiver_loop_failures_total", loop=loop) for loop in LOOPS}
    assert {loop for loop, number in failures.items() if not number} <= {"refusals"}, failures
    series = found.families["receiver_loop_failures"].samples
    assert {sample.labels["loop"] for sample in series} == set(LOOPS), "all loops are named there"
    assert "made by a test" in service.log


@pytest.mark.parametrize(
    "loop", ["overdue-watcher", "spool-drainer", "feed-reader", "metrics", "signing-keys"]
)
def test_loop_that_keeps_failing_makes_readyz_fail_by_name(
    failing: Callable[[str], Service], loop: str
) -> None:
    service = failing(loop)
    if loop == "feed-reader":
        assert service.get("/operations/any?wait=1").status == 404
    until(lambda: ready(service).status == 503 and "failing" in str(ready(service, key=None).json), 60)
    assert ready(service, key=None).json["checks"]["loops"] == f"failing: {loop}"
    detail = ready(service, key=ALL).json["checks"]["loops"]
    assert f"{loop}: The loop has" in detail
    assert "RuntimeError" in detail
    if loop != "signing-keys":
        assert call_back(service, "taken").status == 202
