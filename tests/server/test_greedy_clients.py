"""Clients that never let the server wait for them, and so could have it for themselves."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self

import pytest

from tests.server.running import Server

REQUESTS = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 1000
PATIENCE = 8  # of a machine that has other work, too; who waits for the greedy waits for ever
CHUNKED = b"POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


class Pump:
    """Sends without end and reads whatever comes; where the server ends the connection, on another one."""

    def __init__(self, server: Server, first: bytes, again: bytes) -> None:
        self._server = server
        self._first = first
        self._again = again
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stopped:
            self._client = self._server.socket()
            threading.Thread(target=self._swallow, args=(self._client,), daemon=True).start()
            with suppress(OSError):
                self._client.sendall(self._first)
                while not self._stopped:
                    self._client.sendall(self._again)

    def _swallow(self, client: socket.socket) -> None:
        with suppress(OSError):
            while client.recv(1 << 20):
                pass


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param(b"", REQUESTS, id="requests without a pause"),
        pytest.param(CHUNKED, b"1\r\na\r\n" * 10_000, id="a body in chunks of one byte"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX:", b" " * 60_000, id="headers without end"),
    ],
)
def test_a_client_that_never_pauses_holds_up_nobody(server: Server, first: bytes, again: bytes) -> None:
    with Pump(server, first, again):
        for _ in range(10):
            begun = time.monotonic()
            assert server.get("/")[:2] == (200, "hello")
            assert time.monotonic() - begun < PATIENCE
            time.sleep(0.03)


def test_a_body_that_stalls_behind_another_request_is_cut_in_time(impatient: Server) -> None:
    """Its headers came along with the request before it, so nothing was waited for in between."""
    client = impatient.socket(
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"
    )
    received = b""
    while part := client.recv(4096):  # which gives up long before an idle client is cut
        received += part
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in received
