"""Load shedding: reads are shed first, notifications last, probes never."""

import json
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import Client, TestResponse

from receiver.metrics.worker_metrics import Metrics
from receiver.web.middleware.admission_queue import AdmissionQueue
from receiver.web.middleware.load_shedder import LoadShedder
from receiver.web.middleware.request_priority import Priority, PriorityClassifier
from tests.support.hardened import soft

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


CLASSIFIER = PriorityClassifier(lambda header: header == "Bearer good", lambda header: header == "Bearer key")


class Full:
    """A notification sink or batching client whose queue is full on demand."""

    is_full = False


class Stage:
    """A shedder before an application that answers 202, with a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sink, self.reads = Full(), Full()
        sink: Any = self.sink
        reads: Any = self.reads
        self.admission_queue = AdmissionQueue(lambda: self.now)
        self.metrics = Metrics(None, "")
        load_shedder = LoadShedder(
            self.answer,
            sink,
            reads,
            self.metrics.counters,
            classifier=CLASSIFIER,
            admission_queue=self.admission_queue,
            rejections=AdmissionQueue(),
        )
        self.client = Client(load_shedder)

    def answer(self, _: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start_response("202 Accepted", [])
        return []

    def ask(self) -> dict[str, int]:
        """Return how each kind of request is answered now."""
        return {
            "notification": self.client.post("/callback/some-app").status_code,
            "change": self.client.post("/notifications").status_code,
            "read": self.client.get("/operations/x").status_code,
            "stream": self.client.get("/events").status_code,
            "health": self.client.get("/readyz").status_code,
        }


@pytest.fixture
def stage() -> Stage:
    return Stage()


ALL_TAKEN = dict.fromkeys(("notification", "change", "read", "stream", "health"), 202)
READS_REFUSED = {**ALL_TAKEN, "read": 503, "stream": 503}
ALL_REFUSED = {**READS_REFUSED, "notification": 503, "change": 503}


def refused(answer: TestResponse) -> None:
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert soft(answer.headers) == []
    problem = json.loads(answer.data)
    assert (problem["type"], problem["status"]) == ("/problems/overloaded", 503)
    assert problem["requestId"] == answer.headers["X-Request-ID"]


def test_without_overload_nothing_is_shed(stage: Stage) -> None:
    assert stage.ask() == ALL_TAKEN


def test_full_sink_sheds_all_but_probes(stage: Stage) -> None:
    stage.sink.is_full = True
    assert stage.ask() == ALL_REFUSED
    refused(stage.client.post("/callback"))
    assert stage.client.head("/operations/x").data == b""


def test_full_read_queue_sheds_reads_only(stage: Stage) -> None:
    stage.reads.is_full = True
    assert stage.ask() == READS_REFUSED


def test_shed_requests_are_counted(stage: Stage) -> None:
    stage.sink.is_full = True
    stage.ask()
    assert b'receiver_refusals_total{problem="overloaded"} 4.0' in stage.metrics.text()


def test_long_wait_for_a_slot_sheds_new_requests(stage: Stage) -> None:
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.admission_queue, "_free_slots", 0)
        patch.setattr(stage.admission_queue, "_wake", begun.set)  # no request gets a slot
        waiting = pool.submit(stage.admission_queue.wait, Priority.NOTIFICATION)
        assert begun.wait(10)
        assert not stage.admission_queue.is_late(0.1, Priority.NOTIFICATION)
        stage.now += 0.5
        assert {stage.client.get("/operations/x").status_code for _ in range(3)} == {503}
        assert not stage.admission_queue.is_late(0.6, Priority.NOTIFICATION), "a notification may still wait"
        stage.now += 0.5
        refused(stage.client.post("/callback"))
        patch.undo()
        stage.admission_queue._wake()
        assert waiting.result(10) == 100.0
    assert stage.ask() == ALL_TAKEN


def test_every_waiting_request_gets_a_slot() -> None:
    admission_queue = AdmissionQueue()

    def take(_: int) -> None:
        admission_queue.wait(Priority.CLIENT)
        time.sleep(0)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(take, range(2000), timeout=20))
    assert not admission_queue.is_late(0, Priority.CLIENT)
