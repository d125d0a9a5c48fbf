"""The log under a flood of unauthenticated requests: some hundred lines a second at most."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from receiver.simulator.issuer import Issuer
from tests.support.service import APP_ID, TENANT, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer
from tests.support.tokens import base64url

SECONDS = 2.0
MOST_LINES_A_SECOND = 250
"""Lines a second: 100 about refusals, and 50 of each of the three other kinds that unauthenticated clients get."""

BODY = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\nkey=a"


def post(path: bytes, body: bytes, headers: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: h\r\n%s" % (path, headers) + BODY % (len(body), body)


def stranger_requests(issuer: Issuer) -> list[bytes]:
    """One of each kind that a client without a key or token can send."""
    claims = base64url(json.dumps(issuer.claims(audience=APP_ID, tenant_id=TENANT)).encode())
    tokens = [
        "x",
        f"{base64url(json.dumps({'alg': 'RS256', 'kid': 'unknown'}).encode())}.{claims}.AAAA",
        f"{base64url(json.dumps({'alg': 'RS256', 'kid': issuer.key.jwk()['kid']}).encode())}.{claims}.AAAA",
        f"{base64url(json.dumps({'alg': 'none'}).encode())}.{claims}.AAAA",
    ]
    return [
        *(post(b"/callback", b"{}", f"Authorization: Bearer {token}\r\n".encode()) for token in tokens),
        post(b"/callback", b"{}"),
        post(b"/callback/unknown", b"{}"),
        post(b"/notifications", b"no JSON"),
        post(b"/notifications", b'{"value":[{"clientState":"x"}]}'),
        post(b"/notifications", b"[]"),
        b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /operations HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\n\r\n",
        b"GET /operations HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PATCH /operations/x HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /problems/none HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: h\r\n" + FORM,
        b"POST /sign-in HTTP/1.1\r\nHost: h\r\nOrigin: http://evil.example\r\n" + FORM,
        b"GET /docs HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",  # TLS
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\n\r\n",
        b"POST /callback HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ]


def send_for(service: Service, requests: list[bytes], seconds: float) -> int:
    """Send them over and over, each over a connection of its own; return how many were sent."""
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", service.port), 5) as client:
            client.sendall(requests[sent % len(requests)])
            client.recv(1 << 16)
            sent += 1
    return sent


def test_log_under_a_flood_of_every_kind_is_bounded(start: Start, issuer: Issuer, store: StoreServer) -> None:
    service = start(issuer)
    requests = stranger_requests(issuer)
    assert send_for(service, requests, 0.3) > 0
    before, began = len(service.log), time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        sent = sum(pool.map(lambda _: send_for(service, requests, SECONDS), range(6)))
    lines = service.log[before:].splitlines()
    assert sent > 100
    assert len(lines) < MOST_LINES_A_SECOND * (time.monotonic() - began + 1)
    assert "Traceback" not in "".join(lines)


def test_lines_left_out_of_a_flood_are_counted(start: Start, issuer: Issuer, store: StoreServer) -> None:
    service = start(issuer)
    forged = post(b"/callback", b"{}", b"Authorization: Bearer x\r\n")
    with socket.create_connection(("127.0.0.1", service.port), 5) as client:
        client.sendall(forged * 300)
        received = b""
        while received.count(b"HTTP/1.1 401 ") < 300:
            received += client.recv(1 << 16)
    time.sleep(1.1)
    service.call_back(token="x")
    lines = [line for line in service.log.splitlines() if "status=401" in line]
    left_out = sum(
        int(line.partition("suppressed=")[2].split()[0]) for line in lines if "suppressed=" in line
    )
    assert len(lines) + left_out == 301
    assert len(lines) < 150
