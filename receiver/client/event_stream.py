"""The event stream: events as they happen, across broken connections and restarts of the receiver."""

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import urllib3
from urllib3.exceptions import HTTPError

from receiver.client.errors import (
    MisconfiguredError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
)
from receiver.client.operation import Operation, read_operation
from receiver.client.sse_frames import Frame, FrameReader

_PAUSE: Final = 3.0
"""Seconds before reconnecting, unless the receiver sends another number."""

_LONGEST_PAUSE: Final = 30.0

_BOOKMARK: Final = "bookmark"
"""The kind of an event that carries only a position."""

_KINDS_WITH_OBJECT: Final = {"operation", "call", "change", "reset", "message"}
"""Kinds whose data must be an object; `message` is that of an event without a name, which a receiver never sends."""

_log: Final = logging.getLogger("receiver.client")


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the feed.

    Attributes:
        id: its position in the receiver's feed.
        kind: `operation`, `call`, `change` (a change notification), or `reset`: events were missed that the
            receiver no longer has, and its newest operations follow. Ignore unknown kinds.
        data: the changed resource as `GET` returns it, without secrets.
    """

    id: str
    kind: str
    data: Mapping[str, Any] = field(repr=False, hash=False)

    @property
    def operation(self) -> Operation | None:
        """The operation, if the event is one of an operation."""
        return read_operation(self.data) if self.kind == "operation" else None


class Stream(Iterator[Event]):
    """An iterator of events without end, until it is closed. `Receiver.stream` creates it, connected.

    When the connection breaks, it reconnects for as long as it takes, and goes on behind the last event, without a gap
    or a repetition. Read it in one thread; any thread may close it. After a fork each process reads on a connection of
    its own.
    """

    def __init__(
        self, connect: Callable[[str], urllib3.BaseHTTPResponse], last_event_id: str, *, pause: float = _PAUSE
    ) -> None:
        self._connect = connect
        self._pause = pause
        self._position = last_event_id
        self._pending: deque[Frame] = deque()
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._process = os.getpid()
        self._parents_response: urllib3.BaseHTTPResponse | None = None
        self._reader = FrameReader(last_event_id)
        self._response: urllib3.BaseHTTPResponse = connect(last_event_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def last_event_id(self) -> str:
        """The id after which a new stream would go on, in another process too; empty before it is known."""
        return self._position

    def close(self) -> None:
        """End the stream; a thread that waits for the next event gets StopIteration."""
        self._closed.set()
        if self._is_inherited():
            self._leave_to_parent()  # a shutdown would end the parent's connection
            return
        with suppress(ValueError, RuntimeError, OSError):  # it is not connected at the moment
            self._response.shutdown()
        if self._reading.acquire(blocking=False):  # else the reading thread closes it
            self._response.close()
            self._reading.release()

    def __next__(self) -> Event:
        """Wait for the next event, and return it.

        Raises:
            StopIteration: the stream was closed.
            ProblemError, UnexpectedAnswerError, MisconfiguredError: the receiver refuses to reconnect, or no retry can
                succeed.
        """
        while not self._closed.is_set():
            if self._is_inherited():
                self._separate()
            while self._pending:
                frame = self._pending.popleft()
                self._position = frame.id
                if event := _event(frame):
                    return event
            with self._reading:
                self._read()
        self._response.close()
        raise StopIteration

    def _read(self) -> None:
        try:
            data = self._response.read1()
        except HTTPError as error:
            data, reason = b"", str(error)
        else:
            reason = "it has ended"
        if data:
            self._pending.extend(self._reader.feed(data))
        elif not self._closed.is_set():
            self._response.close()
            _log.info("The stream broke off (%s); reconnecting.", reason)
            self._reconnect(self._reader.retry or self._pause)

    def _is_inherited(self) -> bool:
        return self._process != os.getpid()

    def _separate(self) -> None:
        """Reconnect in a child process: on one connection each process would get a part of the events."""
        self._leave_to_parent()
        self._pending.clear()  # they are sent again, since they are behind the position
        self._reconnect(0)

    def _leave_to_parent(self) -> None:
        self._process = os.getpid()
        if self._reading.acquire(blocking=False):
            self._response.close()  # this process's copy of the connection
            self._reading.release()
        else:  # a thread that does not exist in this process was reading: its locks are held here for ever
            self._parents_response = self._response  # freeing it would wait for these locks
            self._reading = threading.Lock()

    def _reconnect(self, pause: float) -> None:
        self._reader = FrameReader(self._position)
        level = logging.WARNING
        while not self._closed.wait(min(pause, _LONGEST_PAUSE)):
            try:
                self._response = self._connect(self._position)
            except MisconfiguredError:
                raise
            except (UnreachableError, UnavailableError) as error:
                _log.log(level, "The stream is interrupted: %s", error)
                level = logging.INFO  # one line is enough
                retry_after = error.retry_after if isinstance(error, UnavailableError) else None
                pause = retry_after or 2 * pause or self._pause
            else:
                return


def _event(frame: Frame) -> Event | None:
    """Return the event of a frame; None if it has only an id, or is of an unknown kind without an object."""
    if not frame.data or frame.kind == _BOOKMARK:
        return None
    try:
        data = json.loads(frame.data)
    except ValueError:
        data = None
    if isinstance(data, dict):
        return Event(frame.id, frame.kind, data)
    if frame.kind in _KINDS_WITH_OBJECT:
        raise UnexpectedAnswerError(
            f"The stream is not a receiver's: an event `{frame.kind}` has no JSON object. Check the address."
        )
    return None
