"""The live stream: events as they happen, over breaks of the connection and restarts of the receiver."""

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
"""Seconds before connecting again, unless the receiver says how many."""

_LONGEST_PAUSE: Final = 30.0

_BOOKMARK: Final = "bookmark"
"""The kind of an event that only brings an id: where to go on."""

_OURS: Final = {"operation", "call", "change", "reset", "message"}
"""Kinds whose data is an object; `message` is that of an event without a name, of which the receiver has none."""

_log: Final = logging.getLogger("receiver.client")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed.

    Attributes:
        id: where it stands in the receiver's feed.
        kind: `operation`, `call`, `change` (a change notification), or `reset`: events were missed that the
            receiver no longer holds, and its newest operations follow. Leave alone what you don't know.
        data: what `GET` of the thing would answer, without secrets.
    """

    id: str
    kind: str
    data: Mapping[str, Any] = field(repr=False, hash=False)

    @property
    def operation(self) -> Operation | None:
        """The operation, where it is one that changed."""
        return read_operation(self.data) if self.kind == "operation" else None


class Stream(Iterator[Event]):
    """Events without end, until it is closed; made by `Receiver.stream`, connected when it is made.

    Where the connection breaks it connects again, for as long as it takes, and goes on behind the last event,
    without a gap and without a repeat. Read it in one thread; any may close it. After a fork each process reads on
    a connection of its own.
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
        self._of_parent: urllib3.BaseHTTPResponse | None = None
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
        """The id behind which a new stream, in another process too, would go on; empty before it is known."""
        return self._position

    def close(self) -> None:
        """End it; whoever waits for the next event gets StopIteration."""
        self._closed.set()
        if self._is_inherited():
            self._leave_to_parent()  # a shutdown would end its connection
            return
        with suppress(ValueError, RuntimeError, OSError):  # it is not connected just now
            self._response.shutdown()
        if self._reading.acquire(blocking=False):  # else the one who reads closes it
            self._response.close()
            self._reading.release()

    def __next__(self) -> Event:
        """Wait for the next event, and return it.

        Raises:
            StopIteration: the stream was closed.
            ProblemError, UnexpectedAnswerError, MisconfiguredError: when connecting again, the receiver refuses, or
                can't be had however often it is tried.
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
            _log.info("The stream broke off (%s); connecting again.", reason)
            self._connect_again(self._reader.retry or self._pause)

    def _is_inherited(self) -> bool:
        return self._process != os.getpid()

    def _separate(self) -> None:
        """Connect anew in a child process: on one connection each process would get a part of the events."""
        self._leave_to_parent()
        self._pending.clear()  # they come again, behind the position
        self._connect_again(0)

    def _leave_to_parent(self) -> None:
        self._process = os.getpid()
        if self._reading.acquire(blocking=False):
            self._response.close()  # this process's copy of the connection
            self._reading.release()
        else:  # a thread that this process does not have was reading: its locks are held here for ever
            self._of_parent = self._response  # not even freed, which would wait for them
            self._reading = threading.Lock()

    def _connect_again(self, pause: float) -> None:
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
                asked = error.retry_after if isinstance(error, UnavailableError) else None
                pause = asked or 2 * pause or self._pause
            else:
                return


def _event(frame: Frame) -> Event | None:
    """Return the event of a frame; None where it only brings an id, or is of a kind that has no object."""
    if not frame.data or frame.kind == _BOOKMARK:
        return None
    try:
        data = json.loads(frame.data)
    except ValueError:
        data = None
    if isinstance(data, dict):
        return Event(frame.id, frame.kind, data)
    if frame.kind in _OURS:
        raise UnexpectedAnswerError(
            f"What streams there is not a receiver: an event `{frame.kind}` without an object."
        )
    return None
