"""Floods of public pages, forged tokens and large bodies: notifications are still answered in time."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.service import APP_ID, TENANT, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer

SECONDS = 2.5

pytestmark = [pytest.mark.slow, pytest.mark.serial]

FLOOD = """
import socket, sys, threading, time
port, count, end = int(sys.argv[1]), int(sys.argv[2]), time.monotonic() + float(sys.argv[3])
request = sys.stdin.buffer.read()
def one():
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                while time.monotonic() < end:
                    client.sendall(request)
                    received = client.recv(1 << 18)
                    while received and not received.endswith((b"}", b"</html>\\n", b"</html>", b"\\r\\n\\r\\n")):
                        received = client.recv(1 << 18)
                    if not received:
                        break
        except OSError:
            pass
for thread in [threading.Thread(target=one) for _ in range(count)]:
    thread.start()
"""
"""In a process of its own: many connections that send the same request again and again, and read the answers."""


@contextmanager
def flood(service: Service, request: bytes, *, connections: int) -> Iterator[None]:
    command = [sys.executable, "-c", FLOOD, str(service.port), str(connections), str(SECONDS + 1)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(request)
        process.stdin.close()
        time.sleep(1)
        yield
        process.wait(30)


def post(path: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = (b"POST %s HTTP/1.1" % path, b"Host: h", b"Content-Type: application/json", *headers)
    return b"\r\n".join((*lines, b"Content-Length: %d" % len(body), b"", body))


def forged_token(issuer: Issuer) -> bytes:
    """A token in which all is right but the signature."""
    head, claims, signature = issuer.token(audience=APP_ID, tenant_id=TENANT).split(".")
    return f"Authorization: Bearer {head}.{claims}.{signature[::-1]}".encode()


MEGABYTE_OF_ITEMS = b'{"value":[' + b'{"clientState":"x"},' * 50_000 + b"0]}"


@pytest.mark.parametrize(
    "kind",
    [
        "docs",
        "probes",
        "pages that do not exist",
        "made-up sessions",
        "sign-in form",
        "forged tokens",
        "forged tokens and a megabyte",
        "items",
    ],
)
def test_notifications_beside_a_flood_are_answered_in_time(
    kind: str, start: Start, issuer: Issuer, store: StoreServer
) -> None:
    service = start(issuer)
    request = {
        "docs": b"GET /docs HTTP/1.1\r\nHost: h\r\nAccept-Encoding: identity\r\n\r\n",
        "probes": b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n",
        "pages that do not exist": b"GET /no HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n",
        "made-up sessions": b"GET / HTTP/1.1\r\nHost: h\r\nCookie: receiver_session=%s\r\n\r\n" % (b"a" * 43),
        "sign-in form": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "forged tokens": post(b"/callback", b"{}", forged_token(issuer)),
        "forged tokens and a megabyte": post(b"/callback", bytes(1 << 20), forged_token(issuer)),
        "items": post(b"/notifications", MEGABYTE_OF_ITEMS),
    }[kind]
    token = service.token()
    assert service.call_back(operation(cc="before"), token=token).status == 202
    seconds = []
    with flood(service, request, connections=64):
        end = time.monotonic() + SECONDS - 1
        while time.monotonic() < end:
            answer = service.call_back(operation(cc="beside", op=""), token=token)
            assert answer.status == 202
            seconds.append(answer.seconds)
            time.sleep(0.02)
    assert max(seconds) < 2.5
