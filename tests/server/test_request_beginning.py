"""Early rejection: the fast rejector gets the first bytes of a request, and nothing else."""

import socket

from tests.server.running import Server

HELLO = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
REFUSED = b"GET /refused HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(REFUSED)


def answer_to(client: socket.socket, *parts: bytes) -> bytes:
    """Send parts, each when the one before must have been read; return the whole response's body."""
    client.settimeout(5)
    for part in parts[:-1]:
        client.sendall(part)
        client.settimeout(0.2)
        try:
            raise AssertionError(client.recv(1 << 16))
        except TimeoutError:
            client.settimeout(5)
    client.sendall(parts[-1])
    received = b""
    while True:
        received += client.recv(1 << 16)
        head, end, body = received.partition(b"\r\n\r\n")
        if end and len(body) == int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            return body


def test_early_rejection_keeps_the_connection_open(server: Server) -> None:
    client = server.socket()
    for _ in range(3):
        assert answer_to(client, REFUSED) == b"refused"
        assert answer_to(client, HELLO) == b"hello"
    assert answer_to(client, REFUSED) == b"refused"
    client.close()


def test_early_rejection_ignores_bytes_within_a_body(server: Server) -> None:
    """Else a sender of a body on a shared connection could cause responses to be swapped."""
    client = server.socket()
    assert answer_to(client, POST, REFUSED) == str(len(REFUSED)).encode()
    assert answer_to(client, POST + REFUSED) == str(len(REFUSED)).encode()
    assert answer_to(client, REFUSED) == b"refused"
    client.close()


def test_early_rejection_ignores_the_rest_of_a_pipelined_request(server: Server) -> None:
    client = server.socket()
    assert answer_to(client, HELLO + b"GET / HTTP/1.1\r\nHost: h\r\nX: ") == b"hello"
    assert answer_to(client, b"GET /refused HTTP/1.1\r\n\r\n") == b"hello", "it is the value of the header X"
    client.close()
    client = server.socket()
    assert answer_to(client, HELLO + POST) == b"hello"
    assert answer_to(client, REFUSED) == str(len(REFUSED)).encode(), "it is the body"
    client.close()
