"""`Expect: 100-continue`: the body is asked for only where the application reads it."""

import pytest

from tests.server.running import Server, read_all

HEAD = b"POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "body"), [(HEAD, b"12345"), (CHUNKED, b"5\r\n12345\r\n0\r\n\r\n")], ids=["length", "chunked"]
)
def test_body_that_is_read_is_asked_for(server: Server, head: bytes, body: bytes) -> None:
    client = server.socket(head % b"/length")
    assert client.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(body)
    answer = client.recv(1 << 16)
    while not answer.endswith(b"\r\n\r\n5"):
        answer += client.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: keep-alive" in answer
    client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert read_all(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("head", [HEAD, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize(("path", "status"), [(b"/unread", 200), (b"/nowhere", 404), (b"/", 405)])
def test_body_that_is_not_read_is_not_asked_for(
    server: Server, path: bytes, status: int, head: bytes
) -> None:
    answer = read_all(server.socket(head % path))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer, "the client may send the body nevertheless"
    assert b"100 Continue" not in answer


def test_body_that_came_with_the_headers_is_not_asked_for(server: Server) -> None:
    client = server.socket(HEAD % b"/length" + b"12345GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    answer = read_all(client)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert b"100 Continue" not in answer


def test_half_a_body_with_the_headers_is_asked_for_the_rest(server: Server) -> None:
    client = server.socket(HEAD % b"/length" + b"12")
    assert client.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"345")
    assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
