"""A provider of signing keys on a loopback socket, working, slow or broken."""

import json
import ssl
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

Behaviour = Callable[["Handler"], None]


class Peer:
    """Serves a metadata document and a key set; `behave` replaces a response."""

    def __init__(self, keys: Sequence[object], tls: ssl.SSLContext | None = None) -> None:
        self.keys: Sequence[object] = keys
        self.jwks_uri: object = None
        self.requests: list[str] = []
        self.unblocked = threading.Event()
        self.unblocked.set()
        self._tls = tls
        self._behaviours: dict[str, Behaviour] = {}
        self._port = 0
        self.name = "127.0.0.1"
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._port

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.name}:{self._port}"

    @property
    def metadata_url(self) -> str:
        return f"{self.origin}/metadata"

    @property
    def fetches(self) -> int:
        return self.requests.count("/metadata")

    def behave(self, behaviour: Behaviour | None, path: str = "/metadata") -> None:
        if behaviour is None:
            self._behaviours.clear()
        else:
            self._behaviours[path] = behaviour

    def start(self) -> None:
        self.stopped = threading.Event()
        self._server = _Server(("127.0.0.1", self._port), Handler)
        self._server.peer = self
        self._port = self._server.server_port
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,))
        self._thread.start()

    def stop(self) -> None:
        if not self.stopped.is_set():
            self.stopped.set()
            self.unblocked.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def answer(self, handler: "Handler") -> None:
        self.requests.append(handler.path)
        self.unblocked.wait()
        self._behaviours.get(handler.path, _document)(handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    peer: Peer

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that hung up, which some tests do."""


class Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.peer.answer(self)

    do_PUT = do_GET  # noqa: N815 - the name is the base class's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _document(handler: Handler) -> None:
    peer = handler.server.peer
    jwks_uri = f"{peer.origin}/keys" if peer.jwks_uri is None else peer.jwks_uri
    metadata = {
        "issuer": "https://api.botframework.com",
        "jwks_uri": jwks_uri,
        "id_token_signing_alg_values_supported": ["RSA256"],
    }
    handler.reply(json.dumps({"keys": peer.keys} if handler.path == "/keys" else metadata).encode())


def body(content: bytes, status: int = 200) -> Behaviour:
    return lambda handler: handler.reply(content, status)


def redirect(path: str) -> Behaviour:
    return lambda handler: handler.reply(b"", 302, Location=handler.server.peer.origin + path)


def silence(handler: Handler) -> None:
    handler.server.peer.stopped.wait()


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def drip_headers(handler: Handler) -> None:
    _drip(handler, b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 10_000)


def drip_body(handler: Handler) -> None:
    """Send a body without a length, so that a truncated one looks complete."""
    _drip(handler, b'HTTP/1.1 200 OK\r\n\r\n{"jwks_uri": "/keys"}' + b" " * 10_000, at_once=40)


def endless_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(160):  # 10 MB
        handler.wfile.write(b" " * 65_536)


def _drip(handler: Handler, content: bytes, at_once: int = 1) -> None:
    handler.wfile.write(content[:at_once])
    for byte in content[at_once:]:
        if handler.server.peer.stopped.wait(0.02):
            return
        handler.wfile.write(bytes([byte]))
