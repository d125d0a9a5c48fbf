"""Near the limit of connections those without progress for longest are evicted, in whichever state they are."""

import socket
import time
from collections.abc import Callable

import pytest

from tests.server.running import Server

MOST = 100
"""Limit of connections: 200 files, minus the hundred that the server reserves for others."""

PATIENCE = 8.0
"""Seconds, on a loaded machine; without evictions a new connection waits for 10 to 95."""

WRITE_PATIENCE = 20.0
"""The same behind connections that read nothing, which are cut off after 30 s only."""

HELLO = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
AUTHENTICATED = b"GET /authenticated HTTP/1.1\r\nHost: h\r\n\r\n"
MUCH = b"GET /much HTTP/1.1\r\nHost: h\r\n\r\n"
HALF_HEAD = b"POST /length HTTP/1.1\r\nHost: h\r\nX-"
HALF_BODY = b"POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123"


@pytest.fixture
def small(serve: Callable[..., Server]) -> Server:
    return serve(FILES="200")


def answer(client: socket.socket, end: bytes) -> None:
    received = b""
    while not received.endswith(end):
        part = client.recv(1 << 16)
        assert part, received
        received += part


def is_open(client: socket.socket) -> bool:
    """Return whether the server still accepts a request on an idle connection."""
    try:
        client.sendall(HELLO)
        answer(client, b"hello")
    except (ConnectionError, AssertionError):
        return False
    return True


@pytest.mark.parametrize(
    ("sent", "patience"),
    [
        pytest.param(b"", PATIENCE, id="nothing"),
        pytest.param(HALF_HEAD, PATIENCE, id="half a head"),
        pytest.param(HALF_BODY, PATIENCE, id="half a body"),
        pytest.param(HELLO, PATIENCE, id="a request"),
        pytest.param(b"no HTTP\r\n\r\n", PATIENCE, id="a malformed request, left open"),
        pytest.param(MUCH, WRITE_PATIENCE, id="a request, and reading nothing"),
    ],
)
def test_silent_connections_are_evicted(small: Server, sent: bytes, patience: float) -> None:
    for _ in range(MOST + MOST // 5):
        small.socket(sent)
    time.sleep(1)  # until the server waits for each of them
    for _ in range(10):
        began = time.monotonic()
        assert small.get("/")[:2] == (200, "hello")
        assert time.monotonic() - began < patience
    assert small.log.count(f"Near the limit of {MOST} connections: closed ") in {1, 2, 3}


def test_a_connection_in_use_outlasts_silent_ones(small: Server) -> None:
    client = small.socket(HELLO)
    answer(client, b"hello")
    for _ in range(12):
        for _ in range(MOST // 5):
            small.socket()
        assert is_open(client)
        time.sleep(0.4)


def test_kept_alive_connection_outlasts_silent_ones(small: Server) -> None:
    kept = [small.socket(HELLO) for _ in range(MOST // 3)]
    for client in kept:
        answer(client, b"hello")
    for _ in range(MOST // 2):
        small.socket()
    time.sleep(1.2)  # they are silent now
    for _ in range(MOST // 3):
        small.socket()
    assert all(is_open(client) for client in kept)


def test_an_authenticated_connection_outlasts_all_others(small: Server) -> None:
    kept = [small.socket(AUTHENTICATED) for _ in range(MOST // 10)]
    for client in kept:
        answer(client, b"authenticated")
    for sent in (b"", HALF_HEAD, HELLO):
        for _ in range(MOST):
            small.socket(sent)
        time.sleep(0.2)
    assert all(is_open(client) for client in kept)


def test_a_request_in_progress_is_never_evicted(small: Server) -> None:
    client = small.socket(b"GET /slow/2.0 HTTP/1.1\r\nHost: h\r\n\r\n")
    for _ in range(3 * MOST):
        small.socket()
    answer(client, b"slow")
