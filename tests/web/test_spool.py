"""A receiver with a spool over an outage of the store, as Graph, clients and operators see it."""

import fcntl
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.server.worker import ACCEPT_AFTER_SIGTERM_SECONDS
from receiver.simulator.issuer import Issuer
from receiver.spool.entry_codec import encode_items
from receiver.spool.spool_file import SpoolFile
from tests.support import updates
from tests.support.notifications import call, operation
from tests.support.scraping import scrape
from tests.support.service import CLIENT_STATE, WRITE, Service
from tests.support.stores import StoreServer
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def spooling(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver with a spool of one megabyte, and a store of its own."""
    spool = {"RECEIVER_SPOOL": str(tmp_path / "spool"), "RECEIVER_SPOOL_MAX_BYTES": str(1 << 20)}
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1", **spool) as service:
        yield service


def drained(service: Service) -> None:
    until(
        lambda: [service.get("/readyz").json["checks"][name] for name in ("store", "spool")] == ["ok", "ok"]
    )


def command(service: Service, name: str) -> str:
    line = [sys.executable, "-m", "receiver", name]
    done = subprocess.run(line, env=service.environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def check(service: Service) -> str:
    return command(service, "check")


def change(**members: object) -> dict[str, object]:
    return {"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": "updated", **members}


def test_unauthentic_items_are_not_spooled(spooling: Service, own_store: StoreServer) -> None:
    own_store.kill()
    assert spooling.call_back(operation(cc="ours")).status == 202
    good = spooling.token()
    refused = [
        spooling.request("POST", "/callback", key=None, body={"value": [operation()]}).status,
        *(spooling.call_back(operation(), token=token).status for token in (good[:-9], "x.y.z", WRITE)),
        spooling.call_back("no operation", token=good[:-9]).status,
        spooling.call_back(body=b"[]", token=good[:-9]).status,
    ]
    assert set(refused) == {401}
    unverified = change(clientState="a guess")
    assert spooling.request("POST", "/notifications", key=None, body={"value": [unverified]}).status == 202
    assert spooling.get("/readyz").json["spool"]["waiting"] == 1, "only the authentic item"


def test_notifications_of_an_outage_are_merged_after_it(spooling: Service, own_store: StoreServer) -> None:
    own_store.kill()
    assert spooling.call_back(operation(cc="one"), call()).status == 202
    assert spooling.call_back({"unreadable": 1}).status == 202
    assert spooling.request("POST", "/notifications", key=None, body={"value": [change()]}).status == 202
    answer = spooling.call_back(operation(cc="two", op="two"))
    assert (answer.status, answer.seconds < 2.5) == (202, True)
    ready = spooling.get("/readyz")
    assert (ready.status, ready.json["status"]) == (200, "ready"), "notifications are taken"
    assert re.fullmatch(r"ok: 4 waiting for the store, the oldest for \d+ s", ready.json["checks"]["spool"])
    assert ready.json["spool"]["waiting"] == 4
    assert ready.json["spool"]["oldestSeconds"] >= 0
    page = spooling.get("/")
    assert page.status == 503
    assert "4 notifications wait in the spool" in page.body.decode()
    assert spooling.get("/operations/one").status == 503, "queries are rejected during the outage"
    own_store.start()
    drained(spooling)
    for name in ("one", "two"):
        record = spooling.get(f"/operations/{name}").json
        assert (record["done"], record["notifications"], record["duplicates"]) == (True, 1, 0)
    assert len(spooling.get("/notifications").json["notifications"]) == 1
    assert len(spooling.get("/quarantine", key=WRITE).json["items"]) == 1
    assert "wait in the spool" not in spooling.get("/").body.decode()


def test_spool_depth_and_age_are_reported_everywhere(spooling: Service, own_store: StoreServer) -> None:
    own_store.kill()
    assert spooling.call_back(operation(cc="one")).status == 202
    written = time.monotonic()
    assert re.search(
        r"1 notification waits in the spool for the store, for \d", spooling.get("/").body.decode()
    )
    assert spooling.call_back(operation(cc="two", op="two")).status == 202
    time.sleep(2.2)
    ready = spooling.get("/readyz").json
    metrics = scrape(spooling)
    page = re.search(
        r"2 notifications wait in the spool for the store, the oldest for (\d+\.\d) s now, and",
        spooling.get("/").body.decode(),
    )
    most = time.monotonic() - written + 2
    assert page
    assert ready["spool"]["waiting"] == metrics.value("receiver_spool_notifications") == 2
    for age in (
        ready["spool"]["oldestSeconds"],
        metrics.value("receiver_spool_age_seconds"),
        float(page[1]),
    ):
        assert 2 <= age < most


def test_stop_waits_while_the_spool_is_drained(
    tmp_path: Path, spooling: Service, own_store: StoreServer
) -> None:
    spooling.kill()
    items = [encode_items([updates.operation(cc="many", op=str(number))]) for number in range(5000)]
    file = SpoolFile(tmp_path / "spool", 1 << 24)
    file.append([(str(number), text) for number, text in enumerate(items)])
    spooling.start()
    until(lambda: spooling.get("/readyz").json["spool"]["waiting"] < 5000)
    assert spooling.stop(signal.SIGTERM) == 0
    assert file.depth().waiting == 0
    file.close()
    assert own_store.client.zcard("receiver:{0}:cc:many") == 5000


def test_stop_waits_a_while_for_the_store(tmp_path: Path, spooling: Service, own_store: StoreServer) -> None:
    own_store.kill()
    assert spooling.call_back(operation(cc="spooled")).status == 202
    assert spooling.process
    spooling.process.send_signal(signal.SIGTERM)
    time.sleep(ACCEPT_AFTER_SIGTERM_SECONDS + 1)
    assert spooling.process.poll() is None
    own_store.start()
    assert spooling.stop() == 0
    file = SpoolFile(tmp_path / "spool", 1 << 24)
    assert file.depth().waiting == 0
    file.close()
    assert own_store.client.zcard("receiver:{0}:cc:spooled") == 1
    assert "Traceback" not in spooling.log


@pytest.mark.parametrize("quick", [signal.SIGINT, signal.SIGQUIT])
def test_ctrl_c_leaves_the_spool_to_the_next_start(
    quick: signal.Signals, spooling: Service, own_store: StoreServer
) -> None:
    own_store.kill()
    assert spooling.call_back(operation(cc="spooled")).status == 202
    began = time.monotonic()
    assert spooling.stop(quick) == 0
    assert time.monotonic() - began < 3
    assert "Traceback" not in spooling.log
    own_store.start()
    spooling.start()
    drained(spooling)
    assert spooling.get("/operations/spooled").json["done"]


def test_delete_also_deletes_from_the_spool(
    tmp_path: Path, spooling: Service, own_store: StoreServer
) -> None:
    own_store.kill()
    assert spooling.call_back(operation(cc="personal", op="1"), operation(cc="other", op="2")).status == 202
    assert spooling.request("DELETE", "/operations/personal", key=WRITE).status == 503
    spooling.kill()
    own_store.start()
    with (tmp_path / "spool/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # no process takes entries out while this is held
        spooling.start()
        busy = spooling.request("DELETE", "/operations/personal", key=WRITE)
        assert (busy.status, busy.problem) == (503, "store-unavailable")
    assert spooling.request("DELETE", "/operations/personal", key=WRITE).status == 204
    drained(spooling)
    assert spooling.get("/operations/personal").status == 404
    assert spooling.get("/operations/other").json["done"]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    assert b"personal" not in everything


def test_full_spool_is_503_and_reported(spooling: Service, own_store: StoreServer) -> None:
    own_store.kill()
    answers = [spooling.call_back(operation(cc="big", text="x" * 200_000)) for _ in range(6)]
    refused = [answer for answer in answers if answer.status != 202]
    assert 0 < len(refused) < 6
    for answer in refused:
        assert (answer.status, answer.problem) == (503, "store-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.seconds < 2.5
    ready = spooling.get("/readyz")
    assert (ready.status, ready.json["status"]) == (503, "not ready")
    assert "is full" in ready.json["checks"]["spool"]
    own_store.start()
    drained(spooling)
    assert spooling.get("/operations/big").json["notifications"] == len(answers) - len(refused)
    assert spooling.get("/readyz").status == 200


def test_unusable_spool_is_reported_and_does_no_harm(
    tmp_path: Path, spooling: Service, own_store: StoreServer
) -> None:
    spooling.kill()
    for path in (tmp_path / "spool").glob("spool.db*"):
        path.write_bytes(b"no database at all " * 500)
    assert "Move it away" in check(spooling)
    spooling.start()
    assert spooling.call_back(operation()).status == 202
    ready = spooling.get("/readyz")
    assert (ready.status, "Move it away" in ready.json["checks"]["spool"]) == (200, True)
    assert set(ready.json["spool"].values()) == {None}, "0 would report an empty spool"
    assert not [name for name in scrape(spooling).names if name.startswith("receiver_spool_")]
    assert "is unknown" in spooling.get("/").body.decode()
    own_store.kill()
    refused = spooling.call_back(operation(cc="lost"))
    assert (refused.status, refused.problem) == (503, "store-unavailable")
    assert spooling.get("/readyz").status == 503
    for path in (tmp_path / "spool").glob("spool.db*"):
        path.unlink()
    assert spooling.call_back(operation(cc="kept")).status == 202, "no restart is needed"
    own_store.start()
    drained(spooling)
    assert spooling.get("/operations/kept").json["done"]
    assert "bug" not in spooling.log


def test_dead_letters_are_counted_and_can_be_retried(spooling: Service, own_store: StoreServer) -> None:
    own_store.client.set("receiver:{0}:ops:broken", "no hash")
    assert spooling.call_back(operation(cc="poison", call="broken")).status == 202
    until(lambda: scrape(spooling).value("receiver_spool_dead_notifications") == 1)
    assert spooling.get("/readyz").json["checks"]["spool"] == "ok, but 1 could not be merged"
    assert "Retry them by `receiver retry`" in check(spooling)
    own_store.client.delete("receiver:{0}:ops:broken")
    assert command(spooling, "retry") == "1 notification(s) wait for the store again.\n"
    drained(spooling)
    assert spooling.get("/operations/poison").json["done"]
    assert scrape(spooling).value("receiver_spool_dead_notifications") == 0


def test_retry_without_a_usable_spool_reports_the_reason(spooling: Service) -> None:
    spooling.environment["RECEIVER_SPOOL"] = "/dev/null/spool"
    assert "The spool /dev/null/spool can't be used" in command(spooling, "retry")
    del spooling.environment["RECEIVER_SPOOL"]
    assert "There is no spool" in command(spooling, "retry")


def test_check_reports_the_spool(tmp_path: Path, spooling: Service) -> None:
    assert "ok      The spool" in check(spooling)
    del spooling.environment["RECEIVER_SPOOL"]
    assert "RECEIVER_SPOOL is not set" in check(spooling)
    spooling.environment["RECEIVER_SPOOL"] = "/dev/null/spool"
    assert "error   RECEIVER_SPOOL: The spool /dev/null/spool can't be used" in check(spooling)


def test_check_and_readyz_warn_of_a_store_that_may_evict(spooling: Service, own_store: StoreServer) -> None:
    own_store.client.config_set("maxmemory-policy", "volatile-lru")
    assert "(maxmemory-policy volatile-lru)" in check(spooling)
    ready = spooling.get("/readyz")
    assert ready.status == 200
    assert "may evict results when it is full (volatile-lru)" in ready.json["checks"]["store"]
