"""A connection that the server shuts down: a request that has begun to arrive is still read whole."""

import socket
from collections.abc import Iterator

import gevent
import pytest
from gevent.socket import socket as GeventSocket  # noqa: N812 - it is a class

from receiver.server.connection import Connection

HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"


class Request:
    """What the connection needs of gunicorn's request."""

    def force_close(self) -> None:
        raise AssertionError("the client is there")


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    """A connection, and the client's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    ours = GeventSocket(fileno=accepted.detach())
    yield Connection(ours, 5, lambda _: None), client
    client.close()
    ours.close()


def test_shut_down_after_headers_reads_the_body(ends: tuple[Connection, socket.socket]) -> None:
    connection, client = ends
    client.sendall(HEAD)
    gevent.sleep(0.05)  # it has arrived, but is not read yet
    connection.shut_down_idle()
    assert connection.recv(8192) == HEAD
    connection.expect_body(Request())
    gevent.spawn_later(0.2, client.sendall, b"body")
    assert connection.recv(8192) == b"body"


def test_shut_down_before_a_request_ends_the_wait(ends: tuple[Connection, socket.socket]) -> None:
    connection, _ = ends
    gevent.spawn_later(0.05, connection.shut_down_idle)
    with pytest.raises(ConnectionResetError, match="the server closes"):
        connection.recv(8192)
