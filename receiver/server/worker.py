"""The gunicorn worker: gevent's, with deadlines for every client and an orderly stop.

gunicorn's own gevent worker waits for a body as long as the client likes; this one wraps every client's socket in a
`Connection` with deadlines. At SIGTERM gunicorn's accepts no new connection, and idle kept-alive ones delay its end
until the graceful timeout; this one accepts requests for another moment, then closes idle connections.
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
from receiver.server.connection import Connection, FramedBody
from receiver.server.connection_limit import ConnectionLimit
from receiver.server.environ_names import CLOSE_CONNECTION, MARK_AUTHENTICATED, REJECT_EARLY, STOPPING
from receiver.server.parser_errors import answer, refusal_of

WSGI: TypeAlias = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]

ACCEPT_AFTER_SIGTERM_SECONDS: Final = 2.0
"""Time after SIGTERM in which requests are still accepted: routers notice late, and can't send a POST again."""

_FORCED_STOP_SECONDS: Final = 1.5
"""Time before the graceful timeout at which the remaining requests are cut off."""

_EVICTION_LOG: Final = Grouping(between=10.0)
"""Groups the process's log lines about evicted connections."""

_GC_YOUNG: Final = 20_000
"""New objects after which Python searches for reference cycles, of which a request leaves next to none.

At Python's default of 700, requests that wait for the store are searched repeatedly: a tenth of the time."""

_GC_OLDER: Final = (20, 10)

_HTTP_1_1: Final = (1, 1)
_HOST: Final = re.compile(
    r"(?:\[[\w:.~!$&'()*+,;=-]+\]|[\w.~!$&'()*+,;=-]*(?:%[\da-fA-F]{2}[\w.~!$&'()*+,;=-]*)*)(?::\d*)?",
    re.ASCII,
)
"""A host, optionally with a port (RFC 9110, 7.2; RFC 3986, 3.2.2)."""


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves clients in greenlets, and stops when the last response has been sent."""

    wsgi: WSGI

    def init_process(self) -> None:
        """Let signals end a worker that still starts: the handlers inherited from the master ignore them."""
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        super().init_process()

    def init_signals(self) -> None:
        """Create what needs gevent's hub, which is new after the fork; then install gunicorn's handlers.

        Ctrl-C reaches the whole process group. A worker leaves it to the master, which may have to stop other things
        first.
        """
        self._connections = ConnectionLimit(self.worker_connections)
        self._stop_requested = Event()
        self._closed = Event()
        self.at_once = False
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def load_wsgi(self) -> None:
        """Load the application, and wrap it with what it needs of its connection."""
        super().load_wsgi()
        self._fast_rejector = getattr(self.wsgi, "extensions", {}).get(REJECT_EARLY, _reject_nothing)
        self.wsgi = _with_connection(self.wsgi, self._closed)
        gc.collect()
        gc.freeze()  # the objects of this moment stay, and need not be searched repeatedly
        gc.set_threshold(_GC_YOUNG, *_GC_OLDER)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop (SIGTERM)."""
        super().handle_exit(sig, frame)
        self._stop_requested.set()

    def handle_quit(self, sig: int, frame: object) -> None:  # noqa: ARG002 - the signature of a signal handler
        """End at once (SIGQUIT; the master sends it at Ctrl-C). gunicorn's own handler ends in a traceback."""
        self.alive = False
        self.at_once = True
        self._stop_requested.set()

    def run(self) -> None:
        """Serve until a stop is requested, then stop."""
        servers = [self._listen(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            self._stop_requested.wait(1.0)
        if not self.at_once:
            self._finish(servers)

    def timeout_ctx(self) -> contextlib.AbstractContextManager[None]:
        """Return a context without a time limit: a connection has its own deadlines."""
        return contextlib.nullcontext()

    def handle(self, listener: Any, client: GeventSocket, addr: Any) -> None:
        """Serve one connection."""
        connection = Connection(client, self.cfg.keepalive, self._fast_rejector)
        closed = self._connections.add(connection)
        if closed and _EVICTION_LOG.admit("eviction") is not None:
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
            InvalidHeader: the Host header is missing, repeated or malformed.
            UnsupportedTransferCoding: the body is compressed.
        """
        _check_host(req)
        _check_transfer_coding(req)
        sock.expect_body(req)
        super().handle_request(listener_name, req, sock, addr)
        sock.expect_request(begun=req.unreader.buf.tell() > 0)
        gevent.sleep(0)  # a client whose next request has already arrived would have the worker to itself

    def handle_error(self, req: Any, client: Connection, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        """Respond where no request could be parsed, or not even the application could respond."""
        refusal, request_id = refusal_of(exc), secrets.token_hex(8)
        kind = type(exc).__name__
        if refusal.retry_after is None:
            if (left_out := REFUSALS.admit(kind)) is not None:
                self.log.warning(
                    "Refused a malformed request: %s, request id %s, left out before %s",
                    kind,
                    request_id,
                    left_out,
                )
        elif BUGS.admit(kind) is not None:
            self.log.error("Unexpected error: %s, request id %s", kind, request_id, exc_info=exc)
        client.sendall(answer(refusal, request_id))

    def _listen(self, listener: GeventSocket) -> StreamServer:
        listener.setblocking(True)
        server = StreamServer(
            listener, handle=partial(self.handle, listener), spawn=Pool(self.worker_connections)
        )
        if self.cfg.workers > 1:
            server.max_accept = 1  # leave connections to the other workers
        server.start()
        return server

    def _finish(self, servers: list[StreamServer]) -> None:
        now = time.monotonic()
        accept_until = now + ACCEPT_AFTER_SIGTERM_SECONDS
        cut_off_at = now + self.cfg.graceful_timeout - _FORCED_STOP_SECONDS
        while time.monotonic() < accept_until:  # gunicorn responds with `Connection: close` from now on
            self._let_others_run()
        for server in servers:
            server.close()
        self._closed.set()
        while any(server.pool for server in servers):
            for connection in self._connections:
                if connection.idle:
                    connection.shut_down_idle()
            if time.monotonic() > cut_off_at:
                self.log.warning("Requests cut off at the stop: %s", len(self._connections))
                for server in servers:
                    server.stop(timeout=1)
                return
            self._let_others_run()

    def _let_others_run(self) -> None:
        self.notify()
        gevent.sleep(0.05)


def _reject_nothing(_: bytes) -> None:
    return None


def _check_host(request: Any) -> None:
    """Refuse a request with two Host headers, a malformed one, or none where HTTP requires it (RFC 9112, 3.2).

    gunicorn accepts them, and a router in front may have read the other of the two.
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


def _with_connection(application: WSGI, stopping: Event) -> WSGI:
    """Return the application with the names of `environ_names` in its environ, and its unread bodies discarded."""

    def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        connection: Connection = environ["gunicorn.socket"]
        environ[STOPPING] = stopping
        environ[MARK_AUTHENTICATED] = connection.mark_authenticated
        environ[CLOSE_CONNECTION] = connection.evict
        environ["wsgi.input"] = FramedBody(environ["wsgi.input"], connection)
        parts = application(environ, start_response)
        connection.discard_unread_body()  # before the response's headers are sent
        return parts

    return wsgi
