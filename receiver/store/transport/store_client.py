"""The way to Redis: a few connections, every call with a deadline, and errors in the receiver's own terms.

redis-py's own retries can take a minute against a silent server; Graph waits a few seconds. So connections
and protocol are redis-py's, and time is ours. What is sent twice must do no harm: a write that timed out may
have happened.
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
from receiver.store.transport.store_errors import refusal

Command: TypeAlias = Sequence[str | bytes | int]

NO_REPLY: Final = object()
"""Stands where the reply of a command should, as long as none has come."""

_ATTEMPT_TIME: Final = CONNECT_SECONDS + HANDSHAKE_SECONDS
_PASSING: Final = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError)
_TO_REPEAT: Final = (NoScriptError, ReadOnlyError)
"""Refusals that another attempt may not meet: the script is loaded then, or another server is the primary."""

_COPY_WITHIN: Final = 0.5
"""Seconds for which replicas are waited for at once; what they lack then is written again, which changes nothing."""

_log: Final = logging.getLogger(__name__)


def pack(command: Command) -> bytes:
    """Write a command as it goes over the wire (RESP)."""
    packed: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type] # its stub allows one part only
    return packed


_LOAD_SCRIPTS: Final = [pack(("SCRIPT", "LOAD", script.text)) for script in SCRIPTS]


class _StillConnectingError(TimeoutError):
    """A connection takes longer to be made than there is time: maybe the system's resolver does not answer."""


class CommandSender(Protocol):
    """What sends commands to the store: a link, or a pipeline on one."""

    def call(self, commands: Sequence[Command], *, within: float) -> list[Any]:
        """Do as `Link.call` does."""


class StoreClient:
    """Sends commands and waits for their replies, within a deadline.

    Args:
        pool: makes connections; what it made is kept here, without its look at each before it is used.
        size: how many calls may be under way at once; the others wait.
        replicas: how many must have what a call has written before it counts as done (WAIT).
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
        self._places = threading.BoundedSemaphore(size)
        self._idle: list[Any] = []
        self._replicas = replicas
        self._clock = clock

    def call(self, commands: Sequence[Command], *, within: float) -> list[Any]:
        """Send commands in one round trip and return their replies, trying again while there is time.

        Args:
            commands: may all be sent twice.
            within: seconds.

        Raises:
            StoreUnavailableError: the store can't be reached, refuses one of them, or does not answer in time.
        """
        return checked(self.call_each([pack(command) for command in commands], within=within))

    def call_each(self, commands: Sequence[bytes], *, within: float) -> list[Any]:
        """Send commands in one round trip, and those without a reply again while there is time.

        Args:
            commands: packed; may all be sent twice.
            within: seconds.

        Returns:
            For each command its reply, or the StoreUnavailableError that tells why the store refuses it, or
            `NO_REPLY`: the store can't be reached, or does not answer in time.
        """
        deadline = self._clock() + within
        replies: list[Any] = [NO_REPLY] * len(commands)
        pause = 0.0
        while (hindrance := self._attempt(commands, replies, deadline)) is not None:
            if isinstance(hindrance, NoScriptError) and self._clock() < deadline:  # a new or flushed server
                loaded: list[Any] = [NO_REPLY] * len(_LOAD_SCRIPTS)
                hindrance = self._attempt(_LOAD_SCRIPTS, loaded, deadline)
                if isinstance(loaded[0], StoreUnavailableError):
                    # Else it would be tried over and over, without a pause.
                    return [loaded[0] if reply is NO_REPLY else reply for reply in replies]
                if hindrance is None:
                    continue
            if not isinstance(hindrance, _TO_REPEAT + _PASSING) or isinstance(hindrance, AuthenticationError):
                refused = refusal(hindrance)
                return [refused if reply is NO_REPLY else reply for reply in replies]
            if self._clock() + pause + _ATTEMPT_TIME >= deadline:
                _log.warning("the store does not answer: %s: %.200s", type(hindrance).__name__, hindrance)
                return replies
            time.sleep(pause)
            pause = min(0.4, pause * 2 + random.uniform(0.02, 0.06))  # noqa: S311 - jitter
        return replies

    def close(self) -> None:
        """Close every connection that is not in use."""
        for connection in self._idle:
            connection.disconnect()

    def _attempt(self, commands: Sequence[bytes], replies: list[Any], deadline: float) -> RedisError | None:
        """Send the commands that have no reply; return what keeps any of them without one."""
        try:
            with self._connection(deadline) as connection:
                return self._exchange(connection, commands, replies, deadline)
        except RedisError as error:
            return error

    @contextlib.contextmanager
    def _connection(self, deadline: float) -> Iterator[Any]:
        """Lend a connection; one that breaks is closed, and so are those that are idle, to be made anew."""
        if not self._places.acquire(timeout=max(0.0, deadline - self._clock())):
            raise TimeoutError("too many calls are waiting for the store")
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
                connection.disconnect()  # replies may still be on their way; nobody else must read them
            self.close()
            raise
        finally:
            if not still_connecting:
                self._take_back(connection)

    def _connect(self, connection: Any, deadline: float) -> None:
        """Connect aside, since nothing ends the look-up of a name but the system's resolver, and that takes long.

        Raises:
            _StillConnectingError: it takes too long; it goes on, and keeps the connection and its place until it ends.
        """
        connecting: Future[None] = Future()

        def connect() -> None:
            try:
                connection.connect()
            except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
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
        self._places.release()

    def _exchange(
        self, connection: Any, commands: Sequence[bytes], replies: list[Any], deadline: float
    ) -> RedisError | None:
        waiting = [place for place, reply in enumerate(replies) if reply is NO_REPLY]
        sent = [commands[place] for place in waiting]
        if self._replicas:
            patience = min(_COPY_WITHIN, max(0.01, deadline - self._clock()))
            sent.append(pack(("WAIT", self._replicas, round(patience * 1000))))
        connection.send_packed_command([b"".join(sent)], check_health=False)
        hindrance: RedisError | None = None
        for place in waiting:
            try:
                replies[place] = connection.read_response(timeout=max(0.01, deadline - self._clock()))
            except _TO_REPEAT as error:
                hindrance = error
            except ResponseError as error:
                replies[place] = refusal(error)
        if isinstance(hindrance, ReadOnlyError):
            raise hindrance  # its connection goes too: a name may lead to the new primary by now
        if self._replicas:
            copies = connection.read_response(timeout=max(_COPY_WITHIN, deadline - self._clock()))
            if copies < self._replicas and hindrance is None:
                for place in waiting:
                    if not isinstance(replies[place], StoreUnavailableError):
                        replies[place] = NO_REPLY
                return TimeoutError(f"{copies} of {self._replicas} replicas have it")
        return hindrance


def checked(replies: list[Any]) -> list[Any]:
    """Return replies, all of which have come.

    Raises:
        StoreUnavailableError: one has not, or is a refusal.
    """
    for reply in replies:
        if isinstance(reply, StoreUnavailableError):
            raise reply
        if reply is NO_REPLY:
            raise StoreUnavailableError(
                "The store can't be reached, or does not answer in time. Try again soon."
            )
    return replies
