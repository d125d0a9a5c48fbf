"""The way to Redis: a few connections, every call with a deadline, and errors in the receiver's own terms.

redis-py's own retries can take a minute against a silent server; Graph waits a few seconds. So connections
and protocol are redis-py's, and time is ours. What is sent twice must do no harm: a write that timed out may
have happened.
"""

import logging
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - redis-py's name
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - redis-py's name
)
from redis.retry import Retry
from redis.sentinel import Sentinel

from receiver.errors import StoreUnavailableError
from receiver.store.scripts import SCRIPTS

Command: TypeAlias = Sequence[str | bytes | int | float]

MAX_CONNECTIONS: Final = 5
"""For each worker. Small plans allow twenty in all, and a rolling deploy needs twice the usual."""

_CONNECT_TIMEOUT: Final = 0.3
_HANDSHAKE_TIMEOUT: Final = 0.5
_ATTEMPT_TIME: Final = _CONNECT_TIMEOUT + _HANDSHAKE_TIMEOUT
_PASSING: Final = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError)

_CODE: Final = re.compile(r"\b(?:OOM|MISCONF|NOREPLICAS|NOPERM|NOAUTH|WRONGPASS|READONLY)\b")

_log: Final = logging.getLogger(__name__)


class Link:
    """Sends commands and waits for their replies, within a deadline.

    Args:
        pool: where connections come from.
        size: how many calls may be under way at once; the others wait.
        clock: seconds; deadlines are measured by it.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        size: int = MAX_CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._places = threading.BoundedSemaphore(size)
        self._clock = clock

    def call(self, commands: Sequence[Command], *, within: float) -> list[Any]:
        """Send commands in one round trip and return their replies, trying again while there is time.

        Args:
            commands: may all be sent twice.
            within: seconds.

        Raises:
            StoreUnavailableError: the store can't be reached, refuses, or does not answer in time.
        """
        deadline = self._clock() + within
        pause = 0.0
        while True:
            try:
                return self._attempt(commands, deadline)
            except NoScriptError:  # a new or flushed server; the loop sends the commands again
                self._attempt([("SCRIPT", "LOAD", script.text) for script in SCRIPTS], deadline)
            except _PASSING as error:
                if self._clock() + pause + _ATTEMPT_TIME >= deadline:
                    raise StoreUnavailableError(
                        "The store can't be reached, or does not answer in time. Try again soon."
                    ) from error
                time.sleep(pause)
                pause = min(0.4, pause * 2 + random.uniform(0.02, 0.06))  # noqa: S311 - jitter
            except RedisError as error:
                _log.error("the store refuses: %s: %.200s", type(error).__name__, error)
                raise StoreUnavailableError(
                    f"The store refuses ({_reason(error)}).", retry_after=10
                ) from error

    def close(self) -> None:
        """Close every connection."""
        self._pool.disconnect()

    def _attempt(self, commands: Sequence[Command], deadline: float) -> list[Any]:
        if not self._places.acquire(timeout=max(0.0, deadline - self._clock())):
            raise TimeoutError("too many calls are waiting for the store")
        try:
            connection = self._pool.get_connection()
            try:
                return self._exchange(connection, commands, deadline)
            except BaseException:
                connection.disconnect()  # replies may still be on their way; nobody else must read them
                raise
            finally:
                self._pool.release(connection)
        finally:
            self._places.release()

    def _exchange(self, connection: Any, commands: Sequence[Command], deadline: float) -> list[Any]:
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        replies: list[Any] = []
        refused: ResponseError | None = None
        for _ in commands:
            try:
                replies.append(connection.read_response(timeout=max(0.01, deadline - self._clock())))
            except ResponseError as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return replies


def connect(url: str, tls_verify: str) -> ConnectionPool:
    """Make a pool of connections to the store; nothing is sent yet.

    Args:
        url: `redis://`, `rediss://`, `unix://`, or `redis+sentinel://[:password@]host:port,…/service[/db]`.
        tls_verify: `required`, `none`, or the path of a CA certificate.
    """
    options: dict[str, Any] = {
        "protocol": 2,  # nothing we need is of RESP3, and any old server or proxy speaks RESP2
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": _CONNECT_TIMEOUT,
        "socket_timeout": _HANDSHAKE_TIMEOUT,
        "driver_info": None,
    }
    if url.startswith("redis+sentinel://"):
        return _sentinel_pool(url, options)
    if url.startswith("rediss://"):
        options["ssl_cert_reqs"] = "none" if tls_verify == "none" else "required"
        if tls_verify not in {"none", "required"}:
            options["ssl_ca_certs"] = tls_verify
    return ConnectionPool.from_url(url, max_connections=MAX_CONNECTIONS, **options)


def _sentinel_pool(url: str, options: dict[str, Any]) -> ConnectionPool:
    parts = urlsplit(url)
    service, _, database = parts.path.lstrip("/").partition("/")
    addresses = []
    for address in parts.netloc.rpartition("@")[2].split(","):
        host, _, port = address.partition(":")
        addresses.append((host, int(port or 26379)))
    credentials = {"username": parts.username or None, "password": parts.password}
    sentinel = Sentinel(addresses, sentinel_kwargs=options, **options, **credentials)
    primary = sentinel.master_for(service or "mymaster", db=int(database or 0))
    pool: ConnectionPool = primary.connection_pool
    return pool


def _reason(error: RedisError) -> str:
    """Return the code that Redis gives an error, wherever its version puts it, or redis-py's name for it."""
    if isinstance(error, OutOfMemoryError):
        return "OOM"
    code = _CODE.search(str(error))
    return code[0] if code else type(error).__name__
