"""The small application as a running process, and clients that send it single bytes."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.support.paths import ROOT
from tests.support.waiting import until

CLIENTS: list[http.client.HTTPConnection | socket.socket] = []
"""Clients of the running test; they are closed after it."""


class Server:
    """One `serve`, in a process of its own, with its output in a file."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._log = folder / f"log-{time.monotonic_ns()}"
        defaults = {
            "PORT": "0",
            "HOST": "127.0.0.1",
            "WEB_CONCURRENCY": "1",
            "REDIS_URL": "redis://127.0.0.1:1",  # no request reaches it
            "ACCEPT_SECONDS": "0.2",
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.server.app"],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **defaults, **environment},
                stdout=log,
                stderr=log,
            )
        until(lambda: "ready " in self.log or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.log
        self.address = re.findall(r"ready http://(\S+)", self.log)[0]
        self.host, self.port = self.address.rsplit(":", 1)[0].strip("[]"), int(self.address.rsplit(":", 1)[1])

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str, client: http.client.HTTPConnection | None = None) -> tuple[int, str, str | None]:
        """Return the status, the body and the header Connection."""
        client = client or self.client()
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Connection")

    def client(self) -> http.client.HTTPConnection:
        client = http.client.HTTPConnection(self.host, self.port, timeout=20)
        CLIENTS.append(client)
        return client

    def socket(self, *sent: bytes) -> socket.socket:
        client = socket.create_connection((self.host, self.port), timeout=10)
        CLIENTS.append(client)
        for part in sent:
            client.sendall(part)
        return client

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ends(self, seconds: float = 10) -> float:
        """Wait for the end; return how long it took."""
        begun = time.monotonic()
        self.process.wait(seconds)
        return time.monotonic() - begun

    def remove(self) -> None:
        """Stop the process quickly, in whichever state it is."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def read_all(client: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = b""
    while True:
        try:
            part = client.recv(65536)
        except ConnectionResetError:
            return received
        if not part:
            return received
        received += part
