"""A small HTTP server on a loopback port, in a thread of its own: the base of the issuer and the invite API."""

import json
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from receiver.simulator.signing_key import JSONObject

_LONGEST_BODY: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request: the method, the path without its query, headers by lower-case name, and the body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A response with a JSON body."""

    status: int
    document: JSONObject
    headers: Mapping[str, str] = field(default_factory=dict)


class LoopbackServer:
    """A server that can be stopped and started again, on the same port.

    Args:
        answer: returns the response to a request; called in many threads.
        name: the name of its thread.
        host: loopback address to serve on.
        port: port to serve on; 0 takes a free one.
    """

    def __init__(self, answer: Callable[[Request], Reply], name: str, *, host: str, port: int) -> None:
        self._answer = answer
        self._name = name
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def origin(self) -> str:
        """The server's address, without a path."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """Begin to serve; does nothing if it already does.

        Raises:
            OSError: the port is taken.
        """
        if self._server is not None:
            return
        self._server = _Server((self._host, self._port), partial(_Handler, self._answer))
        self._port = self._server.server_address[1]
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        self._thread = threading.Thread(target=serve, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # HTTPServer's own resolves the full host name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    timeout = 10

    def __init__(self, answer: Callable[[Request], Reply], *arguments: object) -> None:
        self._answer = answer
        super().__init__(*arguments)  # type: ignore[arg-type]  # socketserver's own arguments

    def do_GET(self) -> None:
        self._reply(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            self.send_error(413)
            return
        self._reply(self.rfile.read(int(length)))

    def _reply(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self._answer(Request(self.command, self.path.partition("?")[0], headers, body))
        content = json.dumps(reply.document).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Log nothing: the terminal shows the posts."""
