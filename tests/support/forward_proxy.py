"""A real forwarding proxy on a loopback socket: it makes tunnels (CONNECT), and finds every name on this machine."""

import base64
import socket
import threading
import time
from contextlib import suppress
from typing import Self


class ForwardProxy:
    """Accepts tunnels, as a context.

    Args:
        login: `user:password` that it asks for.
        drips: it answers a byte at a time, and never to the end.
    """

    def __init__(self, *, login: str | None = None, drips: bool = False) -> None:
        self._login = login
        self._drips = drips
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()
        self.seen: list[str] = []
        self.url = f"http://{f'{login}@' if login else ''}127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the end
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (data := client.recv(4096)):
                    return
                head += data
            first, *lines = head.decode().split("\r\n")
            method, target, _ = first.split(" ")
            self.seen.append(f"{method} {target}")
            if self._drips:
                self._drip(client)
            elif self._login and self._wanted() not in lines:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                client.close()
            else:
                self._tunnel(client, int(target.rpartition(":")[2]))

    def _wanted(self) -> str:
        return f"Proxy-Authorization: Basic {base64.b64encode((self._login or '').encode()).decode()}"

    def _drip(self, client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Filler: ")
        while not self._ended.is_set():
            client.sendall(b"x")
            time.sleep(0.02)

    def _tunnel(self, client: socket.socket, port: int) -> None:
        server = socket.create_connection(("127.0.0.1", port))
        self._open.append(server)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._start(_pump, server, client)
        _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
