"""Floods of one kind beside a sender's normal traffic, which must hardly notice."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Self

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.key_provider import Peer
from tests.support.notifications import operation
from tests.support.service import APP_ID, TENANT, Answer, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer
from tests.support.tokens import base64url
from tests.web.test_logs import await_a_line_of_its_own

pytestmark = [pytest.mark.slow, pytest.mark.serial]

WORKERS = 2


@pytest.fixture(scope="module")
def running_service(
    issuer: Issuer, store_server: StoreServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with Service(
        tmp_path_factory.mktemp("flooded"),
        store_server.url,
        issuer,
        WEB_CONCURRENCY=str(WORKERS),
        LOG_LEVEL="warning",
    ) as running:
        yield running


class Traffic:
    """A sender's: notifications, one after the other, until it is left; each is to be taken, and quickly.

    Each has a token of its own, so that none is taken because its token is remembered.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
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
            self._answers.append(self._deliver(notification))

    def _deliver(self, notification: object) -> Answer:
        """Send again when it is asked for, as long as a key may be newer than the receiver's."""
        give_up = time.monotonic() + 45
        while True:
            answer = self._service.call_back(notification)
            if answer.status != 503 or answer.problem != "keys-unavailable" or time.monotonic() > give_up:
                return answer
            time.sleep(int(answer.headers["Retry-After"]))

    def check(self) -> None:
        assert len(self._answers) > 10
        assert {answer.status for answer in self._answers} == {202}
        assert max(answer.seconds for answer in self._answers) < 2.5
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


def refusals(service: Service, requests: bytes, count: int) -> set[tuple[bytes, bytes]]:
    """Send requests without waiting for answers; return with which statuses and problems they are refused."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        sender = threading.Thread(target=client.sendall, args=(requests,))
        sender.start()
        received = b""
        while received.count(b"\r\n\r\n{") < count or not received.endswith(b"}"):
            part = client.recv(1 << 16)
            assert part, received[-500:]
            received += part
        sender.join()
    found = re.findall(rb'HTTP/1.1 (\d+) [^{]*{"type":"/problems/([\w-]+)"', received)
    assert len(found) == count
    return set(found)


def test_unknown_key_ids_cost_few_fetches_and_delay_no_sender(start: Start, store: StoreServer) -> None:
    """Ten thousand of them; half-way the issuer makes a new key, when the fetches that they may cost are over."""
    with Issuer(key_file=None) as issuer, Peer([issuer.key.jwk()]) as provider:
        service = start(
            issuer,
            RECEIVER_METADATA_URL=provider.metadata_url,
            WEB_CONCURRENCY=str(WORKERS),
            LOG_LEVEL="warning",
        )
        begun = time.monotonic()

        def flood(first: int) -> set[tuple[bytes, bytes]]:
            return refusals(service, requests_with_unknown_keys(issuer, range(first, first + 1250)), 1250)

        with ThreadPoolExecutor(4) as pool, Traffic(service) as traffic:
            refused = set().union(*pool.map(flood, range(0, 5000, 1250)))
            provider.keys = [*provider.keys, issuer.rotate().jwk()]
            refused = refused.union(*pool.map(flood, range(5000, 10_000, 1250)))
        assert refused == {(b"401", b"invalid-token"), (b"503", b"keys-unavailable")}
        traffic.check()
        periods = 1 + (time.monotonic() - begun) // 30
        assert provider.fetches <= WORKERS * (1 + periods), "one at the start, and one in 30 seconds"


# Clients that are slow

SLOW_HEAD = b"POST /callback HTTP/1.1\r\nHost: h\r\nX-Slow: "
SLOW_BODY = b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n%s\r\n"


def test_five_hundred_slow_clients_delay_no_sender(service: Service) -> None:
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


# Items of unauthenticated senders


@pytest.mark.parametrize("item", [b"{}", b"[]", b'"x"', b'{"clientState":"x"}', b'{"clientState":["x"]}'])
def test_unauthentic_items_cost_little(service: Service, store: StoreServer, item: bytes) -> None:
    count = (1 << 20) // (len(item) + 1) - 20
    await_a_line_of_its_own()
    before = len(service.log)
    answer = service.request(
        "POST", "/notifications", key=None, body=b'{"value":[%s]}' % b",".join([item] * count)
    )
    assert answer.status == 202
    assert answer.seconds < 2.5
    assert store.client.keys() == []
    lines = service.log[before:].splitlines()
    assert len([line for line in lines if "a body without a known clientState is ignored" in line]) == 1
    assert len(lines) < 10
