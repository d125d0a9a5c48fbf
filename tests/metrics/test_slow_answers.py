"""Slow responses to Graph appear in the metrics, the log and the page."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.scraping import scrape
from tests.support.service import Service
from tests.support.stores import StoreServer


@pytest.fixture
def single_worker(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver with one worker and its own store."""
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1") as service:
        yield service


def test_slow_response_shows_in_metrics_log_and_page(single_worker: Service, own_store: StoreServer) -> None:
    assert single_worker.process
    for number in range(4):
        assert single_worker.call_back(operation(cc=f"cc-{number}")).status == 202
    single_worker.call_back(operation(), token="no token")  # a rejected request must not lower the share
    quick = scrape(single_worker)
    assert quick.value("receiver_slow_answers_ratio") == 0
    assert "4 responses to Graph" in page(single_worker)

    own_store.stall()
    late = begin_to_post(single_worker, operation(cc="late"))
    time.sleep(1)  # the worker has read it, and waits one more second for the store
    [worker] = psutil.Process(single_worker.process.pid).children()
    worker.suspend()
    time.sleep(3)
    worker.resume()
    own_store.go_on()
    late.getresponse().read()
    late.close()

    found = scrape(single_worker)
    assert found.value("receiver_slow_answers_ratio", over="2.9") == pytest.approx(1 / 5)
    assert found.value("receiver_slow_answers_ratio", over="10") == 0
    assert single_worker.log.count("Responses to Graph are too slow: of 5 in ten minutes 20.0 %") == 1
    scrape(single_worker)
    assert single_worker.log.count("Responses to Graph are too slow") == 1, "one warning in ten minutes"
    assert "Responses to Graph are too slow. Of 5 responses" in page(single_worker)


def page(service: Service) -> str:
    return service.get("/").body.decode()


def begin_to_post(service: Service, item: object) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    headers = {"Authorization": f"Bearer {service.token()}", "Content-Type": "application/json"}
    connection.request("POST", "/callback", json.dumps({"value": [item]}), headers)
    return connection
