"""Requests byte by byte, for those that no HTTP library would send."""

import json
import socket
from dataclasses import dataclass

from tests.support.hardened import soft
from tests.support.service import Service


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes
    """All that came behind the headers: of a second answer too, if there was one."""

    @property
    def problem(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        document = json.loads(self.body)
        assert document["status"] == self.status
        assert document["requestId"] == self.headers["X-Request-ID"]
        return str(document["type"]).removeprefix("/problems/")

    @property
    def answers(self) -> int:
        return 1 + self.body.count(b"HTTP/1.")


def exchange(service: Service, *sent: bytes, seconds: float = 10) -> RawAnswer:
    """Send bytes as they are, shut down the sending side, and read until the other side closes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=seconds) as client:
        for part in sent:
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.recv(1 << 16):
            received += part
    return parse(received)


def parse(received: bytes) -> RawAnswer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith(("HTTP/1.1 ", "HTTP/1.0 ")), received
    headers = dict(line.split(": ", 1) for line in lines)
    assert soft(headers) == []
    return RawAnswer(int(first.split()[1]), headers, body)
