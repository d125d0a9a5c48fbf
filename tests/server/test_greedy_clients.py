"""Clients that send without a pause, and so could occupy a worker alone."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self

import pytest

from tests.server.running import Server

REQUESTS = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 1000
PATIENCE = 8
"""Seconds, on a loaded machine; a client that waits for a greedy one waits for ever."""

CHUNKED = b"POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


class Pump:
    """Sends without end and discards what it receives; reconnects when the server ends the connection."""

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
            threading.Thread(target=self._discard, args=(self._client,), daemon=True).start()
            with suppress(OSError):
                self._client.sendall(self._first)
                while not self._stopped:
                    self._client.sendall(self._again)

    def _discard(self, client: socket.socket) -> None:
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
def test_a_client_that_never_pauses_delays_no_other(server: Server, first: bytes, again: bytes) -> None:
    with Pump(server, first, again):
        for _ in range(10):
            begun = time.monotonic()
            assert server.get("/")[:2] == (200, "hello")
            assert time.monotonic() - begun < PATIENCE
            time.sleep(0.03)


def test_body_that_stalls_behind_a_pipelined_request_is_cut_off(impatient: Server) -> None:
    """Its headers arrive with the request before it, so the server does not wait in between."""
    client = impatient.socket(
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"
    )
    received = b""
    while part := client.recv(4096):  # the socket times out long before an idle client is cut off
        received += part
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in received
