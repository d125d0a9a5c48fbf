import socket
import time

import pytest

from tests.server.running import Server, read_all
from tests.support.waiting import until

HEAD = b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
STALLED_HEADS = {
    "in the request line": b"POST /len",
    "in the headers": HEAD % b"/length",
}
STALLED_BODIES = {
    "before the body": b"Content-Length: 100\r\n\r\n",
    "in the body": b"Content-Length: 100\r\n\r\n0123456789",
    "in a chunk": b"Transfer-Encoding: chunked\r\n\r\n64\r\n0123456789",
    "between chunks": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "in the trailers": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
}


@pytest.fixture(params=["impatient", "impatient_with_limit"])
def either(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.mark.parametrize("head", STALLED_HEADS.values(), ids=STALLED_HEADS)
def test_a_client_that_stalls_in_the_headers_is_disconnected(head: bytes, impatient: Server) -> None:
    before = impatient.log
    client = impatient.socket(head)
    assert impatient.get("/")[:2] == (200, "hello")
    assert read_all(client) == b""
    assert impatient.log == before


@pytest.mark.parametrize("rest", STALLED_BODIES.values(), ids=STALLED_BODIES)
def test_a_client_that_stalls_in_a_body_gets_408(rest: bytes, either: Server) -> None:
    before = either.log
    client = either.socket(HEAD % b"/length", rest)
    assert either.get("/")[:2] == (200, "hello")
    answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in answer
    assert either.log == before


@pytest.mark.parametrize(
    "begin", [b"POST /length HTTP/1.1\r\nX-", HEAD % b"/length" + STALLED_BODIES["in the body"]]
)
def test_a_client_that_sends_slowly_is_disconnected(begin: bytes, impatient: Server) -> None:
    client = impatient.socket(begin)
    assert not accepts_slow_sending(8, client)


def test_an_idle_connection_may_wait_longer(impatient: Server) -> None:
    client = impatient.socket()
    for _ in range(2):
        time.sleep(0.8)  # twice the deadline
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_until(client, b"hello").startswith(b"HTTP/1.1 200 ")


def test_a_slow_application_still_reads_the_body(impatient: Server) -> None:
    client = impatient.socket(HEAD % b"/length", b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")
    assert b"HTTP/1.1 200 " in read_until(client, b"\r\n\r\n2")


def test_a_disconnect_within_a_body_logs_nothing(either: Server) -> None:
    before = either.log
    client = either.socket(HEAD % b"/length", STALLED_BODIES["in the body"])
    client.shutdown(socket.SHUT_WR)
    assert read_all(client).startswith(b"HTTP/1.1 400 ")
    assert either.log == before


def test_a_small_unread_body_keeps_the_connection_open(either: Server) -> None:
    client = either.socket()
    for _ in range(2):
        client.sendall(HEAD % b"/unread" + b"Content-Length: 2\r\n\r\n{}")
        assert b"keep-alive" in read_until(client, b"unread")


def test_a_stalled_unread_body_ends_the_connection(either: Server) -> None:
    before = either.log
    client = either.socket(HEAD % b"/unread", STALLED_BODIES["in the body"])
    assert read_all(client).endswith(b"unread")
    assert either.log == before


def test_a_body_over_the_limit_gets_413_before_the_end(impatient_with_limit: Server) -> None:
    client = impatient_with_limit.socket(HEAD % b"/length", b"Content-Length: 3000000\r\n\r\n")
    client.sendall(bytes(3_000_000))
    assert read_all(client).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_does_not_read_is_disconnected(impatient: Server) -> None:
    before = impatient.log
    ends = before.count("much ended")
    impatient.socket(b"GET /much HTTP/1.1\r\nHost: h\r\n\r\n")
    until(lambda: impatient.log.count("much ended") > ends)
    assert impatient.log == before + "much ended\n"


def read_until(client: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        part = client.recv(4096)
        assert part, received
        received += part
    return received


def accepts_slow_sending(seconds: float, client: socket.socket) -> bool:
    """Send a byte every 50 ms; return whether the server accepts that for as long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            client.sendall(b"a")
        except OSError:
            return False
        time.sleep(0.05)
    return True
