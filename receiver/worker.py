"""The gunicorn worker: gevent's, with a deadline for every client, and an orderly stop.

gunicorn's own gevent worker waits for a body as long as the client likes. At SIGTERM it takes no new
connection any more, and lets idle kept-alive ones hold it until the graceful timeout. So our `Connection`
stands between gunicorn and the socket: it knows whether its client is idle, sends a request, or is answered.
"""

import contextlib
import errno
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeAlias

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gevent.socket import SHUT_RD, cancel_wait_ex  # type: ignore[attr-defined]
from gevent.socket import socket as GeventSocket  # noqa: N812 - it is a class
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.util import close_graceful  # type: ignore[import-untyped]
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

WSGI: TypeAlias = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]

HEAD_SECONDS: Final = 10.0
"""From a request's first byte to the end of its headers."""

BODY_SECONDS: Final = 10.0
"""From there to the end of its body."""

WRITE_SECONDS: Final = 30.0
"""How long a client may read nothing of its answer."""

LAST_CALL_SECONDS: Final = 2.0
"""After SIGTERM requests are still taken for so long: routers notice late, and can't send a POST again."""

STOPPING: Final = "receiver.stopping"
"""Where the WSGI environ has an event that is set at SIGTERM, for those who wait or stream."""

_LEFTOVER_SECONDS: Final = 1.0
_LEFTOVER_BYTES: Final = 1 << 16
_LINGER_BYTES: Final = 1 << 22
_FORCE_SECONDS: Final = 1.5


class Connection:
    """A client's socket on which nothing waits for ever.

    Args:
        client: the accepted socket.
        idle_seconds: how long the client may say nothing between requests.
    """

    def __init__(self, client: GeventSocket, idle_seconds: float) -> None:
        self._socket = client
        self._idle_seconds = idle_seconds
        self._deadline = 0.0
        self._request: Any = None
        self._stalled = False
        self.idle = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def expect_request(self) -> None:
        """Begin to wait for the next request."""
        self.idle = True

    def expect_body(self, request: Any) -> None:
        """Begin to wait for the body of the request whose headers are read."""
        self._request = request
        self._deadline = time.monotonic() + BODY_SECONDS

    def settle_body(self) -> None:
        """Read what the application, which is about to answer, left unread of the body.

        Where that is much or slow to come, the answer says that the connection ends here.
        """
        request, self._request = self._request, None
        self._deadline = time.monotonic() + _LEFTOVER_SECONDS
        try:
            if len(request.body.read(_LEFTOVER_BYTES)) == _LEFTOVER_BYTES:
                request.force_close()
        except (ConnectionResetError, ParseException):
            request.force_close()

    def refuse_body(self) -> None:
        """Take no further request: nobody knows where this one's broken body ends."""
        if self._request is not None:
            self._request.force_close()

    def recv(self, size: int) -> bytes:
        """Receive something in time.

        Raises:
            werkzeug.exceptions.RequestTimeout: the body is late; the application answers 408.
            werkzeug.exceptions.ClientDisconnected: the client has gone within the body.
            ConnectionResetError: anything else is late, or we hang up; gunicorn closes without a word.
        """
        # What has arrived is taken even when its time is over: the application was slow then, not the client.
        patience = self._idle_seconds if self.idle else max(0.0, self._deadline - time.monotonic())
        self._socket.settimeout(patience)
        try:
            data = self._socket.recv(size)
        except (TimeoutError, BlockingIOError):
            raise self._too_late() from None
        except cancel_wait_ex:  # so gevent ends the wait when we hang up
            raise ConnectionResetError(errno.ECONNRESET, "we hang up") from None
        if not data and self._request is not None:
            raise self._gone()
        if self.idle:
            self.idle = False
            self._deadline = time.monotonic() + HEAD_SECONDS
        return data

    def sendall(self, data: bytes) -> None:
        """Send everything, as long as the client reads something now and then.

        Raises:
            ConnectionResetError: the client does not read.
        """
        self._socket.settimeout(WRITE_SECONDS)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            raise self._stall() from None

    def hang_up(self) -> None:
        """Read no more than what has arrived."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(SHUT_RD)

    def close(self) -> None:
        """Close; after an answer only when the client has read it.

        Input that is still unread would make the kernel throw the answer away (RFC 9112, section 9.6).
        """
        if self.idle or self._stalled:
            self._socket.close()
        else:
            close_graceful(self._socket, max_drain=_LINGER_BYTES)

    def _too_late(self) -> Exception:
        if self._request is None:
            return self._stall()
        from werkzeug.exceptions import RequestTimeout  # noqa: PLC0415 - not before gevent has patched

        self._request.force_close()
        return RequestTimeout()

    def _gone(self) -> Exception:
        from werkzeug.exceptions import ClientDisconnected  # noqa: PLC0415 - not before gevent has patched

        self._request.force_close()
        return ClientDisconnected()

    def _stall(self) -> ConnectionResetError:
        self._stalled = True
        return ConnectionResetError(errno.ECONNRESET, "the client stalls")


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves clients in greenlets, and stops when the last of them has been answered."""

    wsgi: WSGI

    def init_process(self) -> None:
        """Let signals end a worker that still starts: the master's handlers, which it has, swallow them."""
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        super().init_process()

    def init_signals(self) -> None:
        """Make what needs gevent's hub, which is new after the fork; then do as gunicorn does."""
        self._connections: set[Connection] = set()
        self._stopping = Event()
        self._at_once = False
        super().init_signals()

    def load_wsgi(self) -> None:
        """Load the application; let it know when we stop, and settle what it leaves of a body."""
        super().load_wsgi()
        self.wsgi = _attended(self.wsgi, self._stopping)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop (SIGTERM)."""
        super().handle_exit(sig, frame)
        self._stopping.set()

    def handle_quit(self, sig: int, frame: object) -> None:  # noqa: ARG002 - the signature of a signal handler
        """End at once (SIGQUIT; the master sends it at Ctrl-C). gunicorn's own way ends in a traceback."""
        self.alive = False
        self._at_once = True
        self._stopping.set()

    def run(self) -> None:
        """Serve until it is time to stop, then stop."""
        servers = [self._listen(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            self._stopping.wait(1.0)
        self._stopping.set()
        if not self._at_once:
            self._finish(servers)

    def timeout_ctx(self) -> contextlib.AbstractContextManager[None]:
        """Limit nothing here: a connection knows its own deadlines."""
        return contextlib.nullcontext()

    def handle(self, listener: Any, client: GeventSocket, addr: Any) -> None:
        """Serve one connection."""
        connection = Connection(client, self.cfg.keepalive)
        self._connections.add(connection)
        try:
            super().handle(listener, connection, addr)
        finally:
            self._connections.discard(connection)

    def handle_request(self, listener_name: Any, req: Any, sock: Connection, addr: Any) -> None:
        """Serve one request.

        Raises:
            StopIteration: the connection ends here.
        """
        sock.expect_body(req)
        super().handle_request(listener_name, req, sock, addr)
        sock.expect_request()

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
        while any(server.pool for server in servers):
            for connection in [connection for connection in self._connections if connection.idle]:
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


class _Body:
    """A request's body that says so, in the application's terms, where it is not framed as HTTP has it."""

    def __init__(self, body: Any, connection: Connection) -> None:
        self._body = body
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def read(self, size: int | None = None) -> bytes:
        """Read some of the body, or all of it.

        Raises:
            werkzeug.exceptions.BadRequest: a chunk has no size, or no end (RFC 9112, section 7.1).
        """
        try:
            data: bytes = self._body.read(size)
        except ParseException:
            from werkzeug.exceptions import BadRequest  # noqa: PLC0415 - not before gevent has patched

            self._connection.refuse_body()
            raise BadRequest("The body's chunks are broken.") from None
        return data


def _attended(application: WSGI, stopping: Event) -> WSGI:
    def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        environ[STOPPING] = stopping
        environ["wsgi.input"] = _Body(environ["wsgi.input"], environ["gunicorn.socket"])
        answer = application(environ, start_response)
        environ["gunicorn.socket"].settle_body()  # before the answer's headers go out
        return answer

    return wsgi
