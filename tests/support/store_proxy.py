"""A TCP proxy that stands between a receiver and its store, and does what bad networks do."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final, Self, TypeAlias

REQUEST: Final = "request"
REPLY: Final = "reply"

_RETRANSMISSION: Final = 0.2
"""Seconds; Linux's least."""

Mishap: TypeAlias = Callable[[str, bytes], bytes]
"""Handles a chunk by its direction: returns what is passed on, or raises `Cut`."""


class Cut(Exception):  # noqa: N818 - a thing that happens
    """The connection breaks, after these bytes of the chunk."""

    def __init__(self, last: bytes = b"") -> None:
        super().__init__()
        self.last = last


def nothing(_: str, data: bytes) -> bytes:
    return data


def delay(seconds: float) -> Mishap:
    """Hold every chunk up, on either way."""

    def mishap(_: str, data: bytes) -> bytes:
        time.sleep(seconds)
        return data

    return mishap


def lose(share: float) -> Mishap:
    """Lose packets, which TCP sends again: after 200 ms, and after twice as long each further time."""
    random = Random(2)

    def mishap(_: str, data: bytes) -> bytes:
        patience = _RETRANSMISSION
        while random.random() < share:
            time.sleep(patience)
            patience *= 2
        return data

    return mishap


def narrow(bytes_per_second: float) -> Mishap:
    """Let so much through towards the store, over all connections together."""
    turn = threading.Lock()

    def mishap(way: str, data: bytes) -> bytes:
        if way == REQUEST:
            with turn:
                time.sleep(len(data) / bytes_per_second)
        return data

    return mishap


def black_hole(_: str, data: bytes) -> bytes:
    """Swallow everything, and never answer."""
    return b""


def cut(_: str, data: bytes) -> bytes:
    raise Cut


def truncate(direction: str) -> Mishap:
    """Let half of a chunk through, and break the connection in the middle of it."""

    def mishap(way: str, data: bytes) -> bytes:
        if way == direction:
            raise Cut(data[: len(data) // 2])
        return data

    return mishap


def lose_reply(direction: str, data: bytes) -> bytes:
    """Break the connection when the store has done what it was asked, before it can say so."""
    if direction == REPLY:
        raise Cut
    return data


class Proxy:
    """Forwards connections to a unix socket.

    Args:
        target: the socket's path.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._mishap: Mishap = nothing
        self._chance = 0.0
        self._random = Random(1)
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}"
        self.mishaps = 0
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()

    def suffer(self, mishap: Mishap, chance: float = 1.0) -> None:
        """From now on, let this happen to every chunk, or to some."""
        self._chance = chance
        self._mishap = mishap

    def recover(self) -> None:
        """Be a good network again; connections that were lost in a black hole break at last."""
        self._mishap = nothing
        self.cut_all()

    def cut_all(self) -> None:
        for pair in list(self._pairs):
            _reset(*pair)

    def _accept(self) -> None:
        while not self._closed:
            with suppress(OSError):  # a client that has gone already, or the end
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        store = socket.socket(socket.AF_UNIX)
        try:
            store.connect(str(self._target))
        except OSError:
            _reset(client, store)
            return
        pair = (client, store)
        self._pairs.add(pair)
        replies = threading.Thread(target=self._pump, args=(store, client, REPLY), daemon=True)
        replies.start()
        self._pump(client, store, REQUEST)
        replies.join()
        self._pairs.discard(pair)

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                try:
                    sink.sendall(self._passed(direction, data))
                except Cut as cut:
                    sink.sendall(cut.last)
                    break
        _reset(source, sink)

    def _passed(self, direction: str, data: bytes) -> bytes:
        mishap = self._mishap
        if mishap is nothing or self._random.random() >= self._chance:
            return data
        self.mishaps += 1
        return mishap(direction, data)


def _reset(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            if one.family == socket.AF_INET:  # an RST, as of a peer that is gone
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.shutdown(socket.SHUT_RDWR)
        one.close()
