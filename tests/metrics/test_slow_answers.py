"""Graph gets an answer too late: the metrics, the log and the page say so."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from receiver.simulator.issuer import Issuer
from tests.metrics.told import told
from tests.support.notifications import operation
from tests.support.service import Service
from tests.support.stores import StoreServer


@pytest.fixture
def lonely(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver with one worker, and a store that nobody else uses."""
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1") as service:
        yield service


def test_an_answer_that_comes_too_late_for_graph_shows_everywhere(
    lonely: Service, own_store: StoreServer
) -> None:
    assert lonely.process
    for number in range(4):
        assert lonely.call_back(operation(cc=f"cc-{number}")).status == 202
    lonely.call_back(operation(), token="no token")  # whoever posts rubbish can't better the share
    quick = told(lonely)
    assert quick.value("receiver_slow_answers_ratio") == 0
    assert "4 answers to Graph" in page(lonely)

    own_store.stall()
    late = begin_to_post(lonely, operation(cc="late"))
    time.sleep(1)  # the worker has read it, and waits for the store for a second more
    [worker] = psutil.Process(lonely.process.pid).children()
    worker.suspend()
    time.sleep(3)
    worker.resume()
    own_store.go_on()
    late.getresponse().read()
    late.close()

    found = told(lonely)
    assert found.value("receiver_slow_answers_ratio", over="2.9") == pytest.approx(1 / 5)
    assert found.value("receiver_slow_answers_ratio", over="10") == 0
    assert lonely.log.count("Graph is answered too slowly: of 5 answers in ten minutes 20.0 %") == 1
    told(lonely)
    assert lonely.log.count("Graph is answered too slowly") == 1, "once is enough"
    assert "Graph is answered too slowly. Of 5 answers" in page(lonely)


def page(service: Service) -> str:
    return service.get("/").body.decode()


def begin_to_post(service: Service, item: object) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    headers = {"Authorization": f"Bearer {service.token()}", "Content-Type": "application/json"}
    connection.request("POST", "/callback", json.dumps({"value": [item]}), headers)
    return connection
