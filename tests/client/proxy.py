"""A real HTTP proxy on loopback, which resolves every host name to this machine."""

import socket
import threading
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

_REFUSAL: Final = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
)


class Proxy:
    """Passes requests on: plain ones by their whole address, others through a tunnel.

    Args:
        credentials: the required `Proxy-Authorization`; empty for none.
    """

    def __init__(self, credentials: str = "") -> None:
        self._credentials = credentials
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.seen: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            threading.Thread(target=self._try, args=(client,), daemon=True).start()

    def _try(self, client: socket.socket) -> None:
        with suppress(OSError):  # one of the two has gone
            self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := client.recv(4096)):
                return
            head += data
        line, _, rest = head.partition(b"\r\n")
        method, target, _ = line.decode().split()
        self.seen.append(f"{method} {target}")
        if (
            self._credentials
            and f"proxy-authorization: {self._credentials}".lower() not in head.decode().lower()
        ):
            client.sendall(_REFUSAL)
            client.shutdown(socket.SHUT_WR)
            return
        parts = urlsplit(target if "://" in target else f"//{target}")
        server = socket.create_connection(("127.0.0.1", parts.port or 80))
        self._sockets.append(server)
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            query = f"?{parts.query}" if parts.query else ""
            server.sendall(f"{method} {parts.path}{query} HTTP/1.1\r\n".encode() + rest)
        threading.Thread(target=_pump, args=(server, client), daemon=True).start()
        _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
