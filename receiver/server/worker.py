"""The gunicorn worker: gevent's, with a deadline for every client, and an orderly stop.

gunicorn's own gevent worker waits for a body as long as the client likes; ours gives every client a `Connection`
that doesn't. At SIGTERM gunicorn's takes no new connection any more, and lets idle kept-alive ones hold it until
the graceful timeout; ours takes what still comes for a moment, and hangs up on whoever is idle.
"""

import contextlib
import gc
import re
import secrets
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeAlias

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gevent.socket import socket as GeventSocket  # noqa: N812 - it is a class
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    InvalidHeader,
    UnsupportedTransferCoding,
)
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from receiver.log_grouping import BUGS, REFUSALS, Grouping
from receiver.server.connection import Body, Connection
from receiver.server.connection_limit import ConnectionLimit
from receiver.server.environ_names import CLOSE_CONNECTION, MARK_AUTHENTICATED, REJECT_EARLY, STOPPING
from receiver.server.parser_errors import answer, refusal_of

WSGI: TypeAlias = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]

LAST_CALL_SECONDS: Final = 2.0
"""After SIGTERM requests are still taken for so long: routers notice late, and can't send a POST again."""

_FORCE_SECONDS: Final = 1.5

_ROOM: Final = Grouping(between=10.0)
"""Of the process: lines about connections that made room."""

_GARBAGE: Final = 20_000
"""New objects after which Python looks for garbage in cycles, of which a request leaves next to none.

At its 700, requests that wait together for the store are looked through again and again: a tenth of the time."""

_OLDER_GARBAGE: Final = (20, 10)

_HTTP_1_1: Final = (1, 1)
_HOST: Final = re.compile(
    r"(?:\[[\w:.~!$&'()*+,;=-]+\]|[\w.~!$&'()*+,;=-]*(?:%[\da-fA-F]{2}[\w.~!$&'()*+,;=-]*)*)(?::\d*)?",
    re.ASCII,
)
"""A host and maybe a port (RFC 9110, 7.2; RFC 3986, 3.2.2)."""


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves clients in greenlets, and stops when the last of them has been answered."""

    wsgi: WSGI

    def init_process(self) -> None:
        """Let signals end a worker that still starts: the master's handlers, which it has, swallow them."""
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        super().init_process()

    def init_signals(self) -> None:
        """Make what needs gevent's hub, which is new after the fork; then do as gunicorn does.

        Ctrl-C reaches the whole group. A worker leaves it to the master, which may have something to stop first.
        """
        self._connections = ConnectionLimit(self.worker_connections)
        self._told_to_stop = Event()
        self._closed = Event()
        self.at_once = False
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def load_wsgi(self) -> None:
        """Load the application; let it know when we stop, and settle what it leaves of a body."""
        super().load_wsgi()
        self._door = getattr(self.wsgi, "extensions", {}).get(REJECT_EARLY, _open_door)
        self.wsgi = _attended(self.wsgi, self._closed)
        gc.collect()
        gc.freeze()  # what is there now stays, and need not be looked through again and again
        gc.set_threshold(_GARBAGE, *_OLDER_GARBAGE)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop (SIGTERM)."""
        super().handle_exit(sig, frame)
        self._told_to_stop.set()

    def handle_quit(self, sig: int, frame: object) -> None:  # noqa: ARG002 - the signature of a signal handler
        """End at once (SIGQUIT; the master sends it at Ctrl-C). gunicorn's own way ends in a traceback."""
        self.alive = False
        self.at_once = True
        self._told_to_stop.set()

    def run(self) -> None:
        """Serve until it is time to stop, then stop."""
        servers = [self._listen(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            self._told_to_stop.wait(1.0)
        if not self.at_once:
            self._finish(servers)

    def timeout_ctx(self) -> contextlib.AbstractContextManager[None]:
        """Limit nothing here: a connection knows its own deadlines."""
        return contextlib.nullcontext()

    def handle(self, listener: Any, client: GeventSocket, addr: Any) -> None:
        """Serve one connection."""
        connection = Connection(client, self.cfg.keepalive, self._door)
        closed = self._connections.add(connection)
        if closed and _ROOM.admit("room") is not None:
            self.log.warning(
                "Near the limit of %s connections: closed %s that had been silent longest",
                self.worker_connections,
                closed,
            )
        try:
            super().handle(listener, connection, addr)
        finally:
            self._connections.remove(connection)

    def handle_request(self, listener_name: Any, req: Any, sock: Connection, addr: Any) -> None:
        """Serve one request.

        Raises:
            StopIteration: the connection ends here.
            InvalidHeader: nobody knows for which host it is.
            UnsupportedTransferCoding: the body is compressed.
        """
        _check_host(req)
        _check_transfer_coding(req)
        sock.expect_body(req)
        super().handle_request(listener_name, req, sock, addr)
        sock.expect_request(begun=req.unreader.buf.tell() > 0)
        gevent.sleep(0)  # a client whose next request is there already would have the worker to himself

    def handle_error(self, req: Any, client: Connection, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        """Answer where no request could be read, or not even the application could answer."""
        refusal, request_id = refusal_of(exc), secrets.token_hex(8)
        kind = type(exc).__name__
        if refusal.retry_after is None:
            if (left_out := REFUSALS.admit(kind)) is not None:
                self.log.warning(
                    "Refused what is no request: %s, request id %s, left out before %s",
                    kind,
                    request_id,
                    left_out,
                )
        elif BUGS.admit(kind) is not None:
            self.log.error("A bug: %s, request id %s", kind, request_id, exc_info=exc)
        client.sendall(answer(refusal, request_id))

    def _listen(self, listener: GeventSocket) -> StreamServer:
        listener.setblocking(True)
        server = StreamServer(
            listener, handle=partial(self.handle, listener), spawn=Pool(self.worker_connections)
        )
        if self.cfg.workers > 1:
            server.max_accept = 1  # leave some to the other workers
        server.start()
        return server

    def _finish(self, servers: list[StreamServer]) -> None:
        now = time.monotonic()
        last_call, give_up = now + LAST_CALL_SECONDS, now + self.cfg.graceful_timeout - _FORCE_SECONDS
        while time.monotonic() < last_call:  # gunicorn answers with `Connection: close` from now on
            self._breathe()
        for server in servers:
            server.close()
        self._closed.set()
        while any(server.pool for server in servers):
            for connection in self._connections:
                if connection.idle:
                    connection.hang_up()
            if time.monotonic() > give_up:
                self.log.warning("Requests cut off at the stop: %s", len(self._connections))
                for server in servers:
                    server.stop(timeout=1)
                return
            self._breathe()

    def _breathe(self) -> None:
        self.notify()
        gevent.sleep(0.05)


def _open_door(_: bytes) -> None:
    return None


def _check_host(request: Any) -> None:
    """Refuse a request with two hosts, a host that is none, or none where HTTP asks for one (RFC 9112, 3.2).

    gunicorn doesn't, and a router before us may have read another of the two.
    """
    hosts = [value for name, value in request.headers if name == "HOST"]
    if not hosts and request.version < _HTTP_1_1:
        return
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise InvalidHeader("HOST", req=request)


def _check_transfer_coding(request: Any) -> None:
    """Refuse every transfer coding other than chunked: the application would get compressed bytes (RFC 9112, 6.1).

    gunicorn lets `gzip`, `deflate`, `compress` and `identity` pass before `chunked`, and decodes none of them.
    """
    for name, value in request.headers:
        if name == "TRANSFER-ENCODING" and value.lower() != "chunked":
            raise UnsupportedTransferCoding(value)


def _attended(application: WSGI, stopping: Event) -> WSGI:
    def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        connection: Connection = environ["gunicorn.socket"]
        environ[STOPPING] = stopping
        environ[MARK_AUTHENTICATED] = connection.vouch
        environ[CLOSE_CONNECTION] = connection.make_room
        environ["wsgi.input"] = Body(environ["wsgi.input"], connection)
        parts = application(environ, start_response)
        connection.settle_body()  # before the answer's headers go out
        return parts

    return wsgi
