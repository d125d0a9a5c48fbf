"""Very many of something, beside a sender's normal traffic, which must hardly notice."""

import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

import pytest

from receiver.simulator.issuer import Issuer
from tests.notifications import operation
from tests.service import APP_ID, TENANT, Answer, Service
from tests.stores import StoreServer
from tests.trust.builders import base64url
from tests.trust.peer import Peer

WORKERS = 2


@pytest.fixture(scope="module")
def provider(issuer: Issuer) -> Iterator[Peer]:
    """Shows the issuer's keys, and counts how often it is asked."""
    peer = Peer([issuer.key.jwk()])
    yield peer
    peer.stop()


@pytest.fixture(scope="module")
def running_service(
    provider: Peer, issuer: Issuer, store_server: StoreServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    running = Service(
        tmp_path_factory.mktemp("flooded"),
        store_server.url,
        issuer,
        RECEIVER_METADATA_URL=provider.metadata_url,
        WEB_CONCURRENCY=str(WORKERS),
        LOG_LEVEL="warning",
    )
    running.start()
    yield running
    running.kill()


class Traffic:
    """A sender's: notifications, one after the other, until it is left; each is to be taken, and quickly."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._token = service.token()
        self._answers: list[Answer] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.02):
            notification = operation(cc=f"cc-{len(self._answers)}", op="")
            self._answers.append(self._service.call_back(notification, token=self._token))

    def check(self) -> None:
        assert len(self._answers) > 10
        assert {answer.status for answer in self._answers} == {202}
        seconds = [answer.seconds for answer in self._answers]
        assert statistics.median(seconds) < 0.5
        assert max(seconds) < 2.5
        for number in (0, len(self._answers) - 1):
            assert self._service.get(f"/operations/cc-{number}").status == 200


# Unknown keys


def requests_with_unknown_keys(issuer: Issuer, numbers: range) -> bytes:
    claims = base64url(json.dumps(issuer.claims(audience=APP_ID, tenant_id=TENANT)).encode())
    heads = (
        base64url(json.dumps({"alg": "RS256", "kid": f"unknown-{number}"}).encode()) for number in numbers
    )
    return b"".join(
        f"POST /callback HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {head}.{claims}.AAAA\r\n\r\n".encode()
        for head in heads
    )


def refusals(service: Service, requests: bytes, count: int) -> int:
    """Send requests without waiting for answers; return how many of them are refused as they should be."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        sender = threading.Thread(target=client.sendall, args=(requests,))
        sender.start()
        received = b""
        while received.count(b"\r\n\r\n{") < count or not received.endswith(b"}"):
            part = client.recv(1 << 16)
            assert part, received[-500:]
            received += part
        sender.join()
    assert received.count(b"/problems/invalid-token") == count
    return received.count(b"HTTP/1.1 401 ")


def test_ten_thousand_unknown_key_ids_cost_few_fetches_and_hold_up_nobody(
    service: Service, provider: Peer, issuer: Issuer
) -> None:
    begun = time.monotonic()
    refused: list[int] = []

    def flood(start: int) -> None:
        requests = requests_with_unknown_keys(issuer, range(start, start + 2500))
        refused.append(refusals(service, requests, 2500))

    with Traffic(service) as traffic:
        floods = [threading.Thread(target=flood, args=(start,)) for start in range(0, 10_000, 2500)]
        for thread in floods:
            thread.start()
        for thread in floods:
            thread.join()
    assert refused == [2500] * 4
    traffic.check()
    periods = 1 + (time.monotonic() - begun) // 30
    assert provider.fetches <= WORKERS * (1 + periods), "one at the start, and one in 30 seconds"


# Clients that are slow

SLOW_HEAD = b"POST /callback HTTP/1.1\r\nHost: h\r\nX-Slow: "
SLOW_BODY = b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n%s\r\n"


def test_five_hundred_clients_that_trickle_hold_up_nobody(service: Service) -> None:
    token = f"Authorization: Bearer {service.token()}\r\n".encode()
    beginnings = (SLOW_HEAD, SLOW_BODY % (b"/callback", token), SLOW_BODY % (b"/notifications", b""), b"P")
    with ExitStack() as stack:
        clients = []
        for number in range(500):
            client = socket.create_connection(("127.0.0.1", service.port), timeout=5)
            stack.enter_context(client)
            client.sendall(beginnings[number % len(beginnings)])
            clients.append(client)
        with Traffic(service) as traffic:
            for _ in range(4):
                for client in clients:
                    client.sendall(b" ")
                time.sleep(0.3)
        for client in clients:
            client.settimeout(0)
            with pytest.raises(BlockingIOError):
                client.recv(1)  # none was cut yet: all of them stood there all the time
        traffic.check()


# Items of strangers


@pytest.mark.parametrize("item", [b"{}", b"[]", b'"x"', b'{"clientState":"x"}', b'{"clientState":["x"]}'])
def test_a_strangers_items_cost_little_however_many_they_are(
    service: Service, store: StoreServer, item: bytes
) -> None:
    count = (1 << 20) // (len(item) + 1) - 20
    before = len(service.log)
    answer = service.request(
        "POST", "/notifications", key=None, body=b'{"value":[%s]}' % b",".join([item] * count)
    )
    assert answer.status == 202
    assert answer.seconds < 2.5
    assert store.client.keys() == []
    lines = service.log[before:].splitlines()
    assert len([line for line in lines if f"items={count}" in line]) == 1
    assert len(lines) < 10
