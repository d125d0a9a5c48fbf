"""Waits for a result, with two receivers on one store: the result may arrive at the other."""

import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.service import READ, WRITE, Answer, Service
from tests.support.stores import StoreServer


class Waiting:
    """A GET that waits, in a thread."""

    def __init__(self, service: Service, path: str, **headers: str) -> None:
        self._answers: list[Answer] = []
        self._thread = threading.Thread(
            target=lambda: self._answers.append(service.get(path, headers=headers))
        )
        self._thread.start()
        time.sleep(0.3)

    @property
    def done(self) -> bool:
        return bool(self._answers)

    def answer(self) -> Answer:
        self._thread.join(30)
        return self._answers[0]


def test_wait_ends_with_a_result_from_another_process(service: Service, other_service: Service) -> None:
    service.call_back(operation(status="running"))
    waiting = Waiting(service, "/operations/invite-1", Prefer="respond-async, wait=20")
    other_service.call_back(operation(status="running", more=1))
    time.sleep(0.2)
    assert not waiting.done, "running is not a result"
    other_service.call_back(operation())
    answer = waiting.answer()
    assert (answer.status, answer.json["status"]) == (200, "completed")
    assert answer.seconds < 5
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_wait_for_unknown_operation_ends_with_its_result(service: Service, other_service: Service) -> None:
    waiting = Waiting(service, "/operations/invite-1?wait=20")
    other_service.call_back(operation())
    assert waiting.answer().json["done"]


def test_wait_without_result_returns_the_latest_state(service: Service) -> None:
    service.call_back(operation(status="running"))
    answer = service.get("/operations/invite-1?wait=1")
    assert (answer.status, answer.json["status"]) == (200, "running")
    assert 0.9 < answer.seconds < 10
    unknown = service.get("/operations/unknown?wait=1")
    assert (unknown.status, unknown.problem) == (404, "operation-not-found")
    assert 0.9 < unknown.seconds < 10


def test_wait_for_done_operation_returns_at_once(service: Service) -> None:
    service.call_back(operation())
    assert service.get("/operations/invite-1?wait=20").seconds < 10


def test_wait_with_etag_ends_at_any_change(service: Service, other_service: Service) -> None:
    service.call_back(operation(status="running"))
    etag = service.get("/operations/invite-1").headers["ETag"]
    same = service.get("/operations/invite-1?wait=1", headers={"If-None-Match": etag})
    assert (same.status, same.body) == (304, b"")
    waiting = Waiting(service, "/operations/invite-1?wait=20", **{"If-None-Match": etag})
    other_service.call_back(operation(status="running"))
    time.sleep(0.2)
    assert not waiting.done, "a duplicate ends no wait"
    other_service.call_back(operation(status="running", more=1))
    assert (waiting.answer().status, waiting.answer().json["operation"]["more"]) == (200, 1)


def test_wait_with_etag_ends_at_a_registration(service: Service) -> None:
    waiting = Waiting(service, "/operations/invite-1?wait=20", **{"If-None-Match": '"nothing"'})
    service.request("PUT", "/operations/invite-1", key=WRITE)
    assert waiting.answer().status == 200


@pytest.mark.parametrize("wait", ["x", "-1", "1.5", "", "26", "026", "9" * 5000])
def test_wait_argument_out_of_limits_names_them(service: Service, wait: str) -> None:
    service.call_back(operation())
    refused = service.get(f"/operations/invite-1?wait={wait}")
    assert (refused.status, refused.problem) == (400, "invalid-request")
    assert "from 0 to 25" in refused.json["detail"]


@pytest.mark.parametrize(
    "prefer", ["wait=soon", "wait", "foo; wait=20", 'foo="a, wait=20"', "wait=x, wait=20"]
)
def test_invalid_preference_is_ignored(service: Service, prefer: str) -> None:
    service.call_back(operation(status="running"))
    answer = service.get("/operations/invite-1", headers={"Prefer": prefer})
    assert (answer.status, "Preference-Applied" in answer.headers) == (200, False)
    assert answer.seconds < 5


@pytest.mark.parametrize("seconds", ["900", "9" * 5000])
def test_preference_above_limit_waits_25_s_at_most(service: Service, seconds: str) -> None:
    service.call_back(operation())
    answer = service.get("/operations/invite-1", headers={"Prefer": f'wait="{seconds}"'})
    assert answer.headers["Preference-Applied"] == "wait=25"


def test_preference_is_applied_to_unknown_operation(service: Service) -> None:
    answer = service.get("/operations/unknown", headers={"Prefer": "wait=1"})
    assert (answer.status, answer.headers["Preference-Applied"]) == (404, "wait=1")
    assert "Prefer" in answer.headers["Vary"]


def test_preferences_in_several_fields_are_all_read(service: Service) -> None:
    service.call_back(operation())
    connection = HTTPConnection("127.0.0.1", service.port)
    connection.putrequest("GET", "/operations/invite-1")
    fields = [("Authorization", f"Bearer {READ}"), ("Prefer", "return=minimal"), ("Prefer", "WAIT = 7; x=y")]
    for name, value in fields:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Preference-Applied"]) == (200, "wait=7")
    connection.close()


def test_stop_ends_every_wait_with_the_latest_state(
    tmp_path: Path, store: StoreServer, issuer: Issuer
) -> None:
    service = Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1")
    service.start()
    service.call_back(operation(status="running"))
    waiting = Waiting(service, "/operations/invite-1?wait=25")
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 5
    assert (waiting.answer().status, waiting.answer().json["status"]) == (200, "running")


def test_wait_beyond_the_limit_is_503_and_callbacks_work(
    tmp_path: Path, store: StoreServer, issuer: Issuer
) -> None:
    service = Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1", RECEIVER_MAX_WAITING="3")
    service.start()
    try:
        waiting = [Waiting(service, f"/operations/cc-{number}?wait=20") for number in range(3)]
        refused = service.get("/operations/cc-9?wait=20")
        assert (refused.status, refused.problem, refused.headers["Retry-After"]) == (
            503,
            "too-many-waiting",
            "5",
        )
        assert service.get("/events").status == 503
        assert service.call_back(*(operation(cc=f"cc-{n}", op=f"op-{n}") for n in range(3))).status == 202
        assert [one.answer().status for one in waiting] == [200] * 3
        assert service.get("/operations/cc-9?wait=1").status == 404, "the places are free again"
    finally:
        service.kill()


def test_wait_survives_a_short_outage_of_the_store(
    tmp_path: Path, own_store: StoreServer, issuer: Issuer
) -> None:
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1") as service:
        waiting = Waiting(service, "/operations/invite-1?wait=20")
        own_store.kill()
        time.sleep(0.5)
        own_store.start()
        while service.call_back(operation()).status != 202:
            time.sleep(0.1)
        assert waiting.answer().json["done"]
