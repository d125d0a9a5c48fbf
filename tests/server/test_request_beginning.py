"""The door: it sees the beginning of a request, and nothing else."""

import socket

from tests.server.running import Server

HELLO = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
REFUSED = b"GET /refused HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(REFUSED)


def answer_to(client: socket.socket, *parts: bytes) -> bytes:
    """Send parts, each when the one before must have been read; return the answer, however it comes."""
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


def test_what_is_refused_at_the_door_leaves_the_connection_as_it_was(server: Server) -> None:
    client = server.socket()
    for _ in range(3):
        assert answer_to(client, REFUSED) == b"refused"
        assert answer_to(client, HELLO) == b"hello"
    assert answer_to(client, REFUSED) == b"refused"
    client.close()


def test_what_looks_like_a_request_is_none_within_another(server: Server) -> None:
    """Else whoever can have a body sent over a shared connection could have answers to others swapped."""
    client = server.socket()
    assert answer_to(client, POST, REFUSED) == str(len(REFUSED)).encode()
    assert answer_to(client, POST + REFUSED) == str(len(REFUSED)).encode()
    assert answer_to(client, REFUSED) == b"refused"
    client.close()


def test_what_comes_behind_a_request_is_looked_at_as_part_of_the_next(server: Server) -> None:
    client = server.socket()
    assert answer_to(client, HELLO + b"GET / HTTP/1.1\r\nHost: h\r\nX: ") == b"hello"
    assert answer_to(client, b"GET /refused HTTP/1.1\r\n\r\n") == b"hello", "it is what X says"
    client.close()
    client = server.socket()
    assert answer_to(client, HELLO + POST) == b"hello"
    assert answer_to(client, REFUSED) == str(len(REFUSED)).encode(), "it is the body"
    client.close()
