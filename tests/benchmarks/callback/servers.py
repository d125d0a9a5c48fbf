"""The four servers that are compared: how each is started, and what it uses."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import urllib3

from receiver.simulator.issuer import Issuer
from receiver.trust.api_keys import APIKey
from tests.support.service import APP_ID, TENANT, free_port

READ_KEY, _READ_ENTRY = APIKey.generate("reader", ["read"])

_PEER: Final = (
    *("uvicorn", "--factory", "tests.benchmarks.callback.peer:make_app"),
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--timeout-keep-alive", "95"),
)
_START_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the four: its letter in the issue, its name, the module and arguments, and what is special to it."""

    letter: str
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)


FLOOR: Final = Kind("a", "empty 202", ("tests.benchmarks.callback.floor",))
RECEIVER: Final = Kind("b", "receiver", ("receiver", "serve"))
PEER: Final = Kind("c", "FastAPI, merge", _PEER, {"PEER_KEEPS": "merge"})
PEER_SET: Final = Kind("d", "FastAPI, SET", _PEER, {"PEER_KEEPS": "set"})
KINDS: Final = (FLOOR, RECEIVER, PEER, PEER_SET)


@dataclass(frozen=True, slots=True)
class Started:
    """Seconds from the start of the process until it answers at all, and until `/readyz` says 200."""

    alive: float
    ready: float


class Server:
    """A server with one worker, pinned to a core, its log in a file.

    Args:
        kind: which.
        core: where it runs.
        folder: for its log, and its home.
        redis_url: the store.
        issuer: whose tokens it trusts.
    """

    def __init__(self, kind: Kind, core: int, folder: Path, redis_url: str, issuer: Issuer) -> None:
        self.kind = kind
        self.port = free_port()
        self._core = core
        self._log = folder / f"{kind.letter}-{self.port}.log"
        self._pool = urllib3.PoolManager(retries=False, timeout=5)
        self._process: psutil.Popen | None = None
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "UVICORN_PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "LOG_LEVEL": "info",
            "REDIS_URL": redis_url,
            "RECEIVER_APP_IDS": APP_ID,
            "RECEIVER_METADATA_URL": issuer.metadata_url,
            "RECEIVER_API_KEYS": _READ_ENTRY.entry,
            "PEER_REMEMBERS": os.environ.get("PEER_REMEMBERS", "4096"),
            **kind.environment,
        }

    def start(self) -> Started:
        """Start, and wait until it is ready.

        Raises:
            RuntimeError: it does not start; its log is the message.
        """
        command = ["taskset", "--cpu-list", str(self._core), sys.executable, "-m", *self.kind.command]
        began = time.monotonic()
        with self._log.open("ab") as log:
            self._process = psutil.Popen(command, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
        alive: float | None = None
        while (status := self._status_of("/readyz")) != 200:
            if status is not None and alive is None:
                alive = time.monotonic() - began
            if time.monotonic() > began + _START_SECONDS or self._process.poll() is not None:
                raise RuntimeError(self._log.read_text())
            time.sleep(0.005)
        ready = time.monotonic() - began
        return Started(alive or ready, ready)

    def stop(self) -> None:
        """Stop, at once if need be."""
        if self._process is None or self._process.poll() is not None:
            return
        for process in self.processes():
            process.kill()
        self._process.wait()

    def processes(self) -> list[psutil.Process]:
        """Return the master, then its workers."""
        assert self._process
        return [self._process, *self._process.children(recursive=True)]

    @property
    def worker(self) -> psutil.Process:
        """The process that answers."""
        return self.processes()[-1]

    def cpu_seconds(self) -> float:
        """Return the seconds of CPU that all its processes have used."""
        times = [process.cpu_times() for process in self.processes()]
        return sum(time.user + time.system for time in times)

    def _status_of(self, path: str) -> int | None:
        try:
            return self._pool.request("GET", f"http://127.0.0.1:{self.port}{path}").status
        except urllib3.exceptions.HTTPError:
            return None


def token(issuer: Issuer) -> str:
    """Sign a token as Graph does."""
    return issuer.token(audience=APP_ID, tenant_id=TENANT)
