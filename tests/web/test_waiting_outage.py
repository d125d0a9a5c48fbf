"""Waits over an outage of the store, and over a store that lost its data."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.service import Service
from tests.support.stores import StoreServer
from tests.web.test_waiting import Waiting
from tests.web.test_waiting_herds import herd

pytestmark = pytest.mark.slow

HERD = 300


@pytest.fixture
def alone(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver whose store no other uses."""
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1") as service:
        yield service


def report_result(service: Service) -> None:
    deadline = time.monotonic() + 20
    while service.call_back(operation()).status != 202:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_herd_over_an_outage_gets_the_result(alone: Service, own_store: StoreServer) -> None:
    def interrupt() -> None:
        own_store.kill()
        time.sleep(1.5)
        own_store.start()
        report_result(alone)

    answers = herd(alone, ["/operations/invite-1?wait=25"] * HERD, interrupt)
    assert Counter(status for status, _ in answers) == {200: HERD}
    assert {json.loads(body)["status"] for _, body in answers} == {"completed"}


def test_herd_of_a_store_that_lost_its_data_gets_the_result(alone: Service, own_store: StoreServer) -> None:
    alone.call_back(operation(status="running"))

    def lose() -> None:
        own_store.client.flushall()
        report_result(alone)

    answers = herd(alone, ["/operations/invite-1?wait=25"] * HERD, lose)
    assert Counter(status for status, _ in answers) == {200: HERD}
    assert {json.loads(body)["status"] for _, body in answers} == {"completed"}


def test_wait_that_ends_in_an_outage_answers_what_it_knows(alone: Service, own_store: StoreServer) -> None:
    alone.call_back(operation(status="running"))
    known = Waiting(alone, "/operations/invite-1?wait=4")
    unknown = Waiting(alone, "/operations/never-registered?wait=4")
    own_store.kill()
    answer, refused = known.answer(), unknown.answer()
    own_store.start()
    assert (answer.status, answer.json["status"]) == (200, "running")
    assert (refused.status, refused.problem) == (503, "store-unavailable"), "it may have become known since"
