"""A flood of signed notifications from a process of its own: far more than a receiver can do, each timed by itself."""

import asyncio
import itertools
import json
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Final

from tests.notifications import operation

_MARK: Final = "n" * 12
_TICK: Final = 0.005
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Phase:
    """For so many seconds, notifications are offered at a rate, or by so many clients that never rest.

    Args:
        seconds: how long.
        rate: notifications a second, whether the ones before are answered or not.
        clients: instead: each sends the next as soon as the last is answered.
    """

    seconds: float
    rate: float = 0.0
    clients: int = 0


@dataclass(slots=True)
class Post:
    """One notification: when it should be sent, and what came of it (None: the connection broke)."""

    number: int
    due: float
    status: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, and when each phase began and the last one ended; all times by one clock.

    Args:
        posts: in the order of sending.
        marks: one more than there are phases.
    """

    posts: list[Post]
    marks: list[float]


def flood(port: int, token: str, name: str, phases: list[Phase]) -> Sent:
    """Send everything, phase after phase; return when all is answered."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, port, token, name, phases).result()


def client_context(name: str, number: int) -> str:
    return f"{name} {number:0{len(_MARK)}}"


def _run(port: int, token: str, name: str, phases: list[Phase]) -> Sent:
    return asyncio.run(_Flood(port, token, name).send(phases))


class _Flood:
    """Offers notifications over as many connections as that takes."""

    def __init__(self, port: int, token: str, name: str) -> None:
        self._port = port
        contents = json.dumps({"value": [operation(cc=f"{name} {_MARK}", op=f"{name} {_MARK}")]}).encode()
        head = (
            f"POST /callback HTTP/1.1\r\nHost: receiver\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(contents)}\r\n\r\n"
        )
        self._request = (head.encode() + contents).split(_MARK.encode())
        self._idle: deque[_Connection] = deque()
        self._unanswered = 0
        self._numbers = itertools.count()
        self._posts: list[Post] = []

    async def send(self, phases: list[Phase]) -> Sent:
        loop = asyncio.get_running_loop()
        marks = [loop.time()]
        for phase in phases:
            end = marks[-1] + phase.seconds
            if phase.clients:
                await asyncio.gather(*[self._never_rest(end) for _ in range(phase.clients)])
            else:
                await self._offer(phase.rate, marks[-1], end)
            marks.append(loop.time())
        give_up = loop.time() + _PATIENCE
        while self._unanswered and loop.time() < give_up:
            await asyncio.sleep(0.05)
        return Sent(self._posts, marks)

    async def _offer(self, rate: float, begin: float, end: float) -> None:
        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        sent = 0
        while (now := loop.time()) < end:
            while sent < (now - begin) * rate:
                task = loop.create_task(self._post(begin + sent / rate))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(_TICK)

    async def _never_rest(self, end: float) -> None:
        while (now := asyncio.get_running_loop().time()) < end:
            await self._post(now)

    async def _post(self, due: float) -> None:
        post = Post(next(self._numbers), due)
        self._posts.append(post)
        self._unanswered += 1
        with suppress(OSError):
            connection = self._idle.pop() if self._idle else await self._connect()
            number = b"%0*d" % (len(_MARK), post.number)
            post.status = await connection.exchange(number.join(self._request))
            if not connection.closed:
                self._idle.append(connection)
        post.seconds = asyncio.get_running_loop().time() - due
        self._unanswered -= 1

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        return connection


@dataclass(eq=False)
class _Connection(asyncio.Protocol):
    """One exchange after the other, with no more reading than it takes to know where an answer ends."""

    closed: bool = False
    _received: bytes = b""
    _answer: "asyncio.Future[int] | None" = None
    _transport: asyncio.Transport = field(init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def exchange(self, request: bytes) -> int:
        """Send a request, and return the status of its answer.

        Raises:
            ConnectionError: there is none.
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
