"""A real receiver: gunicorn in processes of its own, an issuer that signs real tokens, and a client."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import urllib3

from receiver.simulator.issuer import Issuer
from receiver.trust.api_keys import APIKey
from tests.support.api_document import hold_to_document
from tests.support.hardened import soft

APP_ID = "11111111-2222-3333-4444-555555555555"
TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
CLIENT_STATE = "a client state of ours"

READ, _READ_ENTRY = APIKey.generate("reader", ["read"])
WRITE, _WRITE_ENTRY = APIKey.generate("writer", ["write"])
ALL, _ALL_ENTRY = APIKey.generate("admin", ["read", "write", "secrets"])

MOST_RESERVATIONS = 300
"""How many ports are kept from other processes; more than the servers that run at one time."""

_RESERVATIONS: deque[socket.socket] = deque()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The type of the problem, if the answer is one in every respect."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        assert self.json["title"]
        assert self.json["detail"]
        assert self.json["requestId"] == self.headers["X-Request-ID"]
        return str(self.json["type"]).removeprefix("/problems/")


class Service:
    """A receiver on a free port, its log in a file. As a context it runs, and is killed at the end."""

    def __init__(
        self, folder: Path, redis_url: str | None, issuer: Issuer | None, **environment: str
    ) -> None:
        self.issuer = issuer
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "RECEIVER_DATA_DIR": str(folder / "data"),
            "RECEIVER_API_KEYS": ",".join(entry.entry for entry in (_READ_ENTRY, _WRITE_ENTRY, _ALL_ENTRY)),
            "RECEIVER_CLIENT_STATES": f"another,{CLIENT_STATE}",
            "PYTHONWARNINGS": "error",
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
            **({"RECEIVER_APP_IDS": APP_ID, "RECEIVER_METADATA_URL": issuer.metadata_url} if issuer else {}),
            **({"REDIS_URL": redis_url} if redis_url else {}),
            **environment,
        }
        self._pool = urllib3.PoolManager(retries=False, timeout=15)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, command: tuple[str, ...] = (sys.executable, "-m", "receiver", "serve")) -> None:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                self._pool.request("GET", f"{self.address}/livez")
            except urllib3.exceptions.HTTPError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError(self.log) from None
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(30)
        self._pool.clear()
        return status

    def kill(self) -> None:
        """End the master, its workers and its embedded store at once."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._pool.clear()

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def token(self, **claims: Any) -> str:
        assert self.issuer
        return self.issuer.token(audience=APP_ID, tenant_id=TENANT, **claims)

    def request(
        self,
        method: str,
        path: str,
        *,
        key: str | None = READ,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        began = time.monotonic()
        response = self._pool.request(
            method, self.address + path, body=data, headers={**sent, **(headers or {})}, redirect=False
        )
        hold_to_document(method, path, response.status, response.headers, response.data)
        assert set(soft(response.headers)) <= (
            {"Cache-Control"} if _may_be_kept(path, response.status) else set()
        )
        return Answer(response.status, response.headers, response.data, time.monotonic() - began)

    def get(self, path: str, *, key: str | None = READ, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", path, key=key, headers=headers)

    def call_back(
        self,
        *items: object,
        body: object = None,
        path: str = "/callback",
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST as Graph does: items in an envelope, or the body as it is."""
        envelope = {"@odata.type": "#microsoft.graph.commsNotifications", "value": list(items)}
        return self.request(
            "POST",
            path,
            key=self.token() if token is None else token,
            body=envelope if body is None else body,
            headers=headers,
        )


def _may_be_kept(path: str, status: int) -> bool:
    return path.startswith("/static/") and status < 400


def free_port() -> int:
    """Return a port of 127.0.0.1 that the system gives to no other process until a server of ours takes it.

    A socket stays bound to it, and does not listen: connections are refused, and on Linux a server that sets
    SO_REUSEADDR, as all of ours do, may bind to it as well. Elsewhere it is free again at once.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    port = int(reservation.getsockname()[1])
    if sys.platform == "linux":
        _RESERVATIONS.append(reservation)
        if len(_RESERVATIONS) > MOST_RESERVATIONS:
            _RESERVATIONS.popleft().close()
    else:
        reservation.close()
    return port
