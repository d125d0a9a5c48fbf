"""A client of Redis with a few connections: every call has a deadline, and raises the receiver's own errors.

redis-py's own retries can take a minute against a server that does not answer; Graph waits a few seconds. So redis-py
makes the connections and speaks the protocol, and this client keeps the time. Commands must do no harm when they are
sent twice: a write that timed out may have happened.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final, Protocol, TypeAlias

import hiredis
from redis.connection import ConnectionPool
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - redis-py's name
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - redis-py's name
)

from receiver.errors import StoreUnavailableError
from receiver.store.scripts import SCRIPTS
from receiver.store.transport.connections import CONNECT_SECONDS, HANDSHAKE_SECONDS, MAX_CONNECTIONS
from receiver.store.transport.store_errors import classify_error

Command: TypeAlias = Sequence[str | bytes | int]

NO_REPLY: Final = object()
"""Takes the place of a command's reply as long as there is none."""

_ATTEMPT_SECONDS: Final = CONNECT_SECONDS + HANDSHAKE_SECONDS
_TRANSIENT: Final = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError)
"""Errors after which another attempt may succeed."""

_TO_REPEAT: Final = (NoScriptError, ReadOnlyError)
"""Error replies after which the command is sent again: then the script is loaded, or the new primary answers."""

_REPLICATION_SECONDS: Final = 0.5
"""How long one WAIT waits for replicas. A write that they lack then is sent again, which changes nothing."""

_log: Final = logging.getLogger(__name__)


def pack(command: Command) -> bytes:
    """Encode a command for the wire (RESP)."""
    packed: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type] # its stub allows one part only
    return packed


_LOAD_SCRIPTS: Final = [pack(("SCRIPT", "LOAD", script.text)) for script in SCRIPTS]


class _StillConnectingError(TimeoutError):
    """Connecting takes longer than there is time: perhaps the system's resolver does not answer."""


class CommandSender(Protocol):
    """Sends commands to the store: a `StoreClient`, or a `BatchingClient` in front of one."""

    def call(self, commands: Sequence[Command], *, within: float) -> list[Any]:
        """Send commands and return their replies; see `StoreClient.call`."""


class StoreClient:
    """Sends commands and waits for their replies, within a deadline.

    Args:
        pool: makes the connections. They are kept here, since the pool would check each one before every use.
        size: how many calls may be under way at once; the others wait.
        replicas: how many replicas must have a write before the call returns (WAIT).
        clock: seconds; deadlines are measured by it.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        size: int = MAX_CONNECTIONS,
        replicas: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._slots = threading.BoundedSemaphore(size)
        self._idle: list[Any] = []
        self._replicas = replicas
        self._clock = clock

    def call(self, commands: Sequence[Command], *, within: float) -> list[Any]:
        """Send commands in one round trip and return their replies; retry while there is time.

        Args:
            commands: each may be sent twice.
            within: seconds.

        Raises:
            StoreUnavailableError: the store can't be reached, refuses a command, or does not answer in time.
        """
        return require_replies(self.call_each([pack(command) for command in commands], within=within))

    def call_each(self, commands: Sequence[bytes], *, within: float) -> list[Any]:
        """Send commands in one round trip; send those without a reply again while there is time.

        Args:
            commands: packed; each may be sent twice.
            within: seconds.

        Returns:
            For each command its reply, or a StoreUnavailableError with the reason why the store refuses it, or
            `NO_REPLY` if the store can't be reached, or does not answer in time.
        """
        deadline = self._clock() + within
        replies: list[Any] = [NO_REPLY] * len(commands)
        pause = 0.0
        while (obstacle := self._attempt(commands, replies, deadline)) is not None:
            if isinstance(obstacle, NoScriptError) and self._clock() < deadline:  # a new or flushed server
                loaded: list[Any] = [NO_REPLY] * len(_LOAD_SCRIPTS)
                obstacle = self._attempt(_LOAD_SCRIPTS, loaded, deadline)
                if isinstance(loaded[0], StoreUnavailableError):
                    # Else this loop would retry forever, without a pause.
                    return [loaded[0] if reply is NO_REPLY else reply for reply in replies]
                if obstacle is None:
                    continue
            if not isinstance(obstacle, _TO_REPEAT + _TRANSIENT) or isinstance(obstacle, AuthenticationError):
                refused = classify_error(obstacle)
                return [refused if reply is NO_REPLY else reply for reply in replies]
            if self._clock() + pause + _ATTEMPT_SECONDS >= deadline:
                _log.warning("the store does not answer: %s: %.200s", type(obstacle).__name__, obstacle)
                return replies
            time.sleep(pause)
            pause = min(0.4, pause * 2 + random.uniform(0.02, 0.06))  # noqa: S311 - jitter
        return replies

    def close(self) -> None:
        """Close every idle connection."""
        for connection in self._idle:
            connection.disconnect()

    def _attempt(self, commands: Sequence[bytes], replies: list[Any], deadline: float) -> RedisError | None:
        """Send the commands that have no reply; return the error that leaves any of them without one."""
        try:
            with self._connection(deadline) as connection:
                return self._exchange(connection, commands, replies, deadline)
        except RedisError as error:
            return error

    @contextlib.contextmanager
    def _connection(self, deadline: float) -> Iterator[Any]:
        """Lend a connection; if it breaks, close it and all idle ones, so that they are made anew."""
        if not self._slots.acquire(timeout=max(0.0, deadline - self._clock())):
            raise TimeoutError("too many calls wait for a connection to the store")
        connection, still_connecting = None, False
        try:
            connection = self._idle.pop() if self._idle else self._pool.make_connection()
            if not connection.is_connected:
                self._connect(connection, deadline)
            yield connection
        except _StillConnectingError:
            still_connecting = True
            raise
        except BaseException:
            if connection:
                connection.disconnect()  # replies may still be on their way, and another call must not read them
            self.close()
            raise
        finally:
            if not still_connecting:
                self._take_back(connection)

    def _connect(self, connection: Any, deadline: float) -> None:
        """Connect in a thread: only the system's resolver can end the look-up of a name, and it takes long.

        Raises:
            _StillConnectingError: it takes too long. The thread goes on, and keeps the connection and its slot until
                it ends.
        """
        connecting: Future[None] = Future()

        def connect() -> None:
            try:
                connection.connect()
            except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
                connecting.set_exception(error)
            else:
                connecting.set_result(None)

        threading.Thread(target=connect, name="connect", daemon=True).start()
        try:
            connecting.result(max(0.0, deadline - self._clock()))
        except FutureTimeoutError:
            connecting.add_done_callback(lambda _: self._take_back(connection))
            raise _StillConnectingError("no connection in time") from None

    def _take_back(self, connection: Any | None) -> None:
        if connection:
            self._idle.append(connection)
        self._slots.release()

    def _exchange(
        self, connection: Any, commands: Sequence[bytes], replies: list[Any], deadline: float
    ) -> RedisError | None:
        open_places = [place for place, reply in enumerate(replies) if reply is NO_REPLY]
        sent = [commands[place] for place in open_places]
        if self._replicas:
            wait_seconds = min(_REPLICATION_SECONDS, max(0.01, deadline - self._clock()))
            sent.append(pack(("WAIT", self._replicas, round(wait_seconds * 1000))))
        connection.send_packed_command([b"".join(sent)], check_health=False)
        obstacle: RedisError | None = None
        for place in open_places:
            try:
                replies[place] = connection.read_response(timeout=max(0.01, deadline - self._clock()))
            except _TO_REPEAT as error:
                obstacle = error
            except ResponseError as error:
                replies[place] = classify_error(error)
        if isinstance(obstacle, ReadOnlyError):
            raise obstacle  # so that the connection is closed: the name may lead to the new primary by now
        if self._replicas:
            copies = connection.read_response(timeout=max(_REPLICATION_SECONDS, deadline - self._clock()))
            if copies < self._replicas and obstacle is None:
                for place in open_places:
                    if not isinstance(replies[place], StoreUnavailableError):
                        replies[place] = NO_REPLY
                return TimeoutError(f"{copies} of {self._replicas} replicas have it")
        return obstacle


def require_replies(replies: list[Any]) -> list[Any]:
    """Return the replies if all are there and none is a refusal.

    Raises:
        StoreUnavailableError: a reply is missing, or is a refusal.
    """
    for reply in replies:
        if isinstance(reply, StoreUnavailableError):
            raise reply
        if reply is NO_REPLY:
            raise StoreUnavailableError(
                "The store can't be reached, or does not answer in time. Try again soon."
            )
    return replies
