"""A flood of signed notifications from separate processes: far more than the capacity, each timed by itself.

Beside them it sends a few reads, which an overload must refuse before any notification.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context
from typing import Final

from tests.support.notifications import operation

_MARK: Final = "n" * 12
_TICK: Final = 0.005
_LAG: Final = 0.05
"""Seconds by which the flood itself may be late; what it is later with, for lack of a processor, it omits."""

_MOST_UNANSWERED: Final = 4000
"""Unanswered requests of one process; more are not sent: a worker accepts 10,000 connections at most."""

_PATIENCE: Final = 30.0
_MOST: Final = 10 ** len(_MARK)
"""The number of possible notifications."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a flood: notifications at a rate, or by a number of clients without pause.

    Args:
        seconds: its duration.
        rate: notifications a second, independent of responses.
        clients: instead of a rate, clients that send the next notification after each response.
        reads: requests for a list of operations, a second.
    """

    seconds: float
    rate: float = 0.0
    clients: int = 0
    reads: float = 0.0


@dataclass(slots=True)
class Post:
    """A notification or read: when it was due, its status (None: the connection broke) and response time."""

    number: int
    due: float
    status: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """The requests of a flood, and when each phase began and the last one ended; all times by one clock.

    Args:
        posts: the notifications, in the order of sending, by each process.
        reads: the reads, likewise.
        marks: the beginnings of the phases, and the end of the last.
    """

    posts: list[Post]
    reads: list[Post]
    marks: list[float]


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a flood: a port of this machine, a token for posts, a key for reads; and the flood's name."""

    port: int
    token: str
    key: str
    name: str


def flood(target: Target, phases: list[Phase], *, processes: int = 1) -> Sent:
    """Send all phases, each process its share; return when every request is answered."""
    shares = [
        Phase(phase.seconds, phase.rate / processes, phase.clients // processes, phase.reads / processes)
        for phase in phases
    ]
    context = get_context("spawn")
    together = context.Barrier(processes).wait
    with ProcessPoolExecutor(processes, mp_context=context, initializer=together) as pool:
        numbers = [range(first, _MOST, processes) for first in range(processes)]
        sent = list(pool.map(_run, repeat(target), repeat(shares), numbers))
    posts, reads = [post for one in sent for post in one.posts], [read for one in sent for read in one.reads]
    return Sent(posts, reads, sent[0].marks)


def client_context(name: str, number: int) -> str:
    return f"{name} {number:0{len(_MARK)}}"


def _run(target: Target, phases: list[Phase], numbers: range) -> Sent:
    return asyncio.run(_Flood(target, numbers).send(phases))


class _Flood:
    """Sends notifications over as many connections as necessary."""

    def __init__(self, target: Target, numbers: range) -> None:
        self._port, name = target.port, target.name
        contents = json.dumps({"value": [operation(cc=f"{name} {_MARK}", op=f"{name} {_MARK}")]}).encode()
        head = (
            f"POST /callback HTTP/1.1\r\nHost: receiver\r\nAuthorization: Bearer {target.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(contents)}\r\n\r\n"
        )
        self._request = (head.encode() + contents).split(_MARK.encode())
        self._read = (
            f"GET /operations?limit=1 HTTP/1.1\r\nHost: receiver\r\nAuthorization: Bearer {target.key}\r\n\r\n"
        ).encode()
        self._idle: deque[_Connection] = deque()
        self._unanswered = 0
        self._numbers = iter(numbers)
        self._posts: list[Post] = []
        self._reads: list[Post] = []

    async def send(self, phases: list[Phase]) -> Sent:
        loop = asyncio.get_running_loop()
        marks = [loop.time()]
        for phase in phases:
            end = marks[-1] + phase.seconds
            offers = [self._offer(phase.reads, marks[-1], end, self._get)]
            if phase.clients:
                offers += [self._send_without_pause(end) for _ in range(phase.clients)]
            else:
                offers.append(self._offer(phase.rate, marks[-1], end, self._post))
            await asyncio.gather(*offers)
            marks.append(loop.time())
        give_up = loop.time() + _PATIENCE
        while self._unanswered and loop.time() < give_up:
            await asyncio.sleep(0.05)
        return Sent(self._posts, self._reads, marks)

    async def _offer(
        self, rate: float, begin: float, end: float, send: "Callable[[float], Coroutine[None, None, None]]"
    ) -> None:
        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        sent = 0
        while (now := loop.time()) < end:
            sent = max(sent, int((now - begin - _LAG) * rate))
            while sent < (now - begin) * rate and self._unanswered < _MOST_UNANSWERED:
                self._unanswered += 1
                task = loop.create_task(send(begin + sent / rate))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(_TICK)

    async def _send_without_pause(self, end: float) -> None:
        while (now := asyncio.get_running_loop().time()) < end:
            self._unanswered += 1
            await self._post(now)

    async def _post(self, due: float) -> None:
        post = Post(next(self._numbers), due)
        self._posts.append(post)
        number = b"%0*d" % (len(_MARK), post.number)
        await self._exchange(post, number.join(self._request))

    async def _get(self, due: float) -> None:
        read = Post(len(self._reads), due)
        self._reads.append(read)
        await self._exchange(read, self._read)

    async def _exchange(self, post: Post, request: bytes) -> None:
        with suppress(OSError):
            connection = self._idle.pop() if self._idle else await self._connect()
            post.status = await connection.exchange(request)
            if not connection.closed:
                self._idle.append(connection)
        post.seconds = asyncio.get_running_loop().time() - post.due
        self._unanswered -= 1

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        return connection


@dataclass(eq=False)
class _Connection(asyncio.Protocol):
    """A connection for one exchange after the other; it parses no more than the end of each response."""

    closed: bool = False
    _received: bytes = b""
    _answer: "asyncio.Future[int] | None" = None
    _transport: asyncio.Transport = field(init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def exchange(self, request: bytes) -> int:
        """Send a request, and return the status of its response.

        Raises:
            ConnectionError: there is no response.
        """
        if self.closed:
            raise ConnectionResetError
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if len(body) < int(fields.get(b"content-length", b"0")):
            return
        self._received = b""
        self.closed = fields.get(b"connection") == b"close"
        if self._answer and not self._answer.done():
            self._answer.set_result(int(head.split(b" ", 2)[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())
