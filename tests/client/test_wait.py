"""Waiting for a result: across requests, outages and restarts, in threads and greenlets."""

import json
import math
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from receiver.client import NotAllowedError, Operation, Receiver, UnavailableError, UnreachableError
from tests.client.conftest import Impostor
from tests.support.key_provider import Handler
from tests.support.notifications import operation
from tests.support.service import ALL, READ, Service, free_port


class Time:
    """A clock that advances only by sleeps, and by the responses that the impostor delays."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def begin(receiver: Receiver, timeout: float = 30) -> "Future[Operation | None]":
    pool = ThreadPoolExecutor(1)
    waiting = pool.submit(receiver.wait, "invite-1", timeout=timeout)
    pool.shutdown(wait=False)
    return waiting


def test_a_wait_ends_with_the_result(service: Service, receiver: Receiver) -> None:
    waiting = begin(receiver)
    service.call_back(operation(status="running"))
    time.sleep(0.3)
    assert not waiting.done(), "running is not a result"
    service.call_back(operation())
    found = waiting.result(10)
    assert found
    assert found.completed


def test_a_wait_for_a_done_operation_returns_at_once(service: Service, receiver: Receiver) -> None:
    service.call_back(operation())
    began = time.monotonic()
    found = receiver.wait("invite-1")
    assert found
    assert time.monotonic() - began < 5


def test_a_wait_that_times_out_returns_the_latest_state(service: Service, receiver: Receiver) -> None:
    assert receiver.wait("invite-1", timeout=0) is None
    assert receiver.wait("invite-1", timeout=1) is None
    service.call_back(operation(status="running"))
    began = time.monotonic()
    found = receiver.wait("invite-1", timeout=1)
    assert found
    assert (found.status, found.done) == ("running", False)
    assert 0.9 < time.monotonic() - began < 5


def test_a_long_wait_sends_several_requests(impostor: Impostor) -> None:
    clock = Time()
    held: list[int] = []

    def hold(handler: Handler) -> None:
        held.append(int(parse_qs(urlsplit(handler.path).query)["wait"][0]))
        clock.now += held[-1]
        problem = {"type": "/problems/operation-not-found", "title": "t", "detail": "d"}
        handler.reply(json.dumps(problem).encode(), 404, **{"Content-Type": "application/problem+json"})

    impostor.do = hold
    receiver = Receiver(impostor.origin, clock=clock, sleep=clock.sleep)
    assert receiver.wait("invite-1", timeout=89.5) is None
    assert held == [25, 25, 25, 15]
    assert sum(clock.slept) == 0


def test_early_responses_are_followed_by_a_pause(impostor: Impostor) -> None:
    clock = Time()

    def answer_early(handler: Handler) -> None:
        problem = {"type": "/problems/operation-not-found"}
        handler.reply(json.dumps(problem).encode(), 404, **{"Content-Type": "application/problem+json"})

    impostor.do = answer_early
    assert Receiver(impostor.origin, clock=clock, sleep=clock.sleep).wait("invite-1", timeout=10) is None
    assert len(impostor.requests) == 6
    assert clock.now == 1010


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300])
def test_a_wait_without_end_lasts_until_the_result(
    service: Service, impostor: Impostor, timeout: float | None
) -> None:
    clock = Time()
    service.call_back(operation())
    done = service.get("/operations/invite-1").body

    def hold(handler: Handler) -> None:
        clock.now += 25
        problem = b'{"type": "/problems/operation-not-found"}', 404, "application/problem+json"
        body, status, kind = problem if len(impostor.requests) < 200 else (done, 200, "application/json")
        handler.reply(body, status, **{"Content-Type": kind})

    impostor.do = hold
    found = Receiver(impostor.origin, clock=clock, sleep=clock.sleep).wait("invite-1", timeout)
    assert found
    assert clock.now == 1000 + 200 * 25


def test_a_negative_timeout_sends_one_request(receiver: Receiver) -> None:
    assert receiver.wait("invite-1", timeout=-1.5) is None
    assert receiver.wait("invite-1", timeout=-math.inf) is None


def test_a_timeout_that_is_not_a_number_is_refused(receiver: Receiver) -> None:
    with pytest.raises(ValueError, match="timeout"):
        receiver.wait("invite-1", timeout=math.nan)


def test_a_wait_survives_an_outage(own_service: Service) -> None:
    waiting = begin(Receiver(own_service.address, READ))
    time.sleep(0.3)
    own_service.kill()
    time.sleep(0.3)
    assert not waiting.done()
    own_service.start()
    assert own_service.call_back(operation()).status == 202
    found = waiting.result(20)
    assert found
    assert found.completed


def test_a_wait_survives_a_restart(own_service: Service) -> None:
    waiting = begin(Receiver(own_service.address, READ))
    time.sleep(0.3)
    own_service.stop()
    own_service.start()
    assert own_service.call_back(operation()).status == 202
    assert waiting.result(20)


def test_a_lasting_outage_is_raised_at_the_timeout() -> None:
    clock = Time()
    receiver = Receiver(f"http://127.0.0.1:{free_port()}", clock=clock, sleep=clock.sleep)
    with pytest.raises(UnreachableError, match="does not answer"):
        receiver.wait("invite-1", timeout=30)
    assert clock.now == 1030


def test_a_wait_obeys_retry_after(impostor: Impostor) -> None:
    clock = Time()

    def come_later(handler: Handler) -> None:
        headers = {"Content-Type": "application/problem+json", "Retry-After": "7"}
        handler.reply(b'{"type": "/problems/too-many-waiting", "title": "Too many"}', 503, **headers)

    impostor.do = come_later
    with pytest.raises(UnavailableError, match="Too many") as refused:
        Receiver(impostor.origin, clock=clock, sleep=clock.sleep).wait("invite-1", timeout=20)
    assert clock.slept == [7, 7, 6]
    assert (refused.value.status, refused.value.retry_after) == (503, 7)


def test_a_refusal_is_raised_at_once(service: Service) -> None:
    began = time.monotonic()
    with pytest.raises(NotAllowedError):
        Receiver(service.address, "wrong").wait("invite-1")
    assert time.monotonic() - began < 5


def test_threads_share_a_receiver(service: Service, receiver: Receiver) -> None:
    names = [f"cc-{number}" for number in range(20)]
    with ThreadPoolExecutor(len(names)) as pool:
        waiting = [pool.submit(receiver.wait, name, timeout=30) for name in names]
        threading.Timer(0.5, service.call_back, [operation(cc=name, op=name) for name in names]).start()
        found = [one.result() for one in waiting]
    assert [one.client_context for one in found if one and one.completed] == names


def test_greenlets_share_a_receiver(service: Service) -> None:
    code = f"""
from gevent import monkey, pool, sleep
monkey.patch_all()
from receiver.client import Receiver
receiver = Receiver({service.address!r}, {ALL!r})
waiting = pool.Group()
found = []
for number in range(50):
    waiting.spawn(lambda name: found.append(receiver.wait(name, timeout=30)), f"cc-{{number}}")
sleep(0.5)
print("waiting", flush=True)
waiting.join()
print(sum(one.completed for one in found))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "waiting\n"
            service.call_back(*(operation(cc=f"cc-{number}", op=f"op-{number}") for number in range(50)))
            assert process.communicate(timeout=30)[0] == "50\n"
        finally:
            process.kill()
    assert process.returncode == 0
