"""Outages of the store, until it is back."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.service import WRITE, Answer, Service
from tests.support.stores import StoreServer


@pytest.fixture
def lonely(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver with a store of its own."""
    with Service(tmp_path, own_store.url, issuer) as service:
        yield service


def refused(answer: Answer) -> None:
    assert (answer.status, answer.problem) == (503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.seconds < 2.5


def recovered(service: Service) -> None:
    deadline = time.monotonic() + 10
    while (answer := service.call_back(operation(cc="recovered"))).status != 202:
        refused(answer)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_unavailable_store_is_503_until_it_is_back(lonely: Service, own_store: StoreServer) -> None:
    assert lonely.call_back(operation()).status == 202
    own_store.kill()
    refused(lonely.call_back(operation(cc="lost")))
    refused(lonely.get("/operations/invite-1"))
    refused(lonely.get("/operations"))
    refused(lonely.request("PUT", "/operations/x", key=WRITE))
    refused(lonely.request("DELETE", "/operations/x", key=WRITE))
    assert lonely.get("/livez").status == 200
    ready = lonely.get("/readyz")
    assert (ready.status, ready.json["status"]) == (503, "not ready")
    own_store.start()
    recovered(lonely)
    assert lonely.get("/operations/invite-1").json["done"], "what was answered 202 is there"
    assert lonely.get("/operations/lost").status == 404
    assert lonely.get("/readyz").status == 200


def test_hanging_store_delays_no_response(lonely: Service, own_store: StoreServer) -> None:
    own_store.stall()
    with ThreadPoolExecutor(20) as senders:
        sent = [senders.submit(lonely.call_back, operation(cc="late")) for _ in range(20)]
        assert lonely.get("/livez").seconds < 1
    for one in sent:
        refused(one.result())
    own_store.go_on()
    recovered(lonely)


def test_short_outage_is_bridged_within_the_request(lonely: Service, own_store: StoreServer) -> None:
    lonely.call_back(operation())
    own_store.kill()
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(lonely.call_back(operation(cc="bridged"))))
    waiting.start()
    time.sleep(0.3)
    own_store.start()
    waiting.join()
    assert answers[0].status == 202
    assert lonely.get("/operations/bridged").json["done"]


def test_flushed_script_is_loaded_again(lonely: Service, own_store: StoreServer) -> None:
    lonely.call_back(operation())
    own_store.client.script_flush()
    assert lonely.call_back(operation(cc="after")).status == 202
    assert lonely.get("/operations/after").json["done"]


def test_full_store_is_503_and_loses_nothing(lonely: Service, own_store: StoreServer) -> None:
    lonely.call_back(operation())
    own_store.client.config_set("maxmemory", 1)
    answer = lonely.call_back(operation(cc="too much"))
    refused(answer)
    assert "OOM" in answer.json["detail"]
    assert lonely.get("/readyz").status == 503, "a PING would have been answered"
    own_store.client.config_set("maxmemory", 0)
    recovered(lonely)
    assert lonely.get("/operations/invite-1").json["done"]


def test_store_without_scripts_is_503_and_not_ready(lonely: Service, own_store: StoreServer) -> None:
    own_store.client.acl_setuser("default", enabled=True, commands=["-evalsha"])
    answer = lonely.call_back(operation(cc="meanwhile"))
    refused(answer)
    assert "NoPermission" in answer.json["detail"]
    assert lonely.get("/readyz").status == 503, "a SET would have been taken"
    own_store.client.acl_setuser("default", enabled=True, commands=["+evalsha"])
    recovered(lonely)
