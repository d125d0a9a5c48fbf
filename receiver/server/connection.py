"""A client connection with a deadline for every wait, and the body of the request that arrives on it.

It stands between gunicorn and the socket, knows what the client does, and raises errors in the application's terms.
"""

import contextlib
import errno
import fcntl
import termios
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

import gevent
from gevent.socket import SHUT_RD, SHUT_RDWR, SHUT_WR, cancel_wait_ex  # type: ignore[attr-defined]
from gevent.socket import socket as GeventSocket  # noqa: N812 - it is a class
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

HEAD_SECONDS: Final = 10.0
"""Time limit from a request's first byte to the end of its headers; a client that takes longer is disconnected."""

BODY_SECONDS: Final = 10.0
"""Time limit from the end of the headers to the end of the body; a client that takes longer gets 408."""

WRITE_SECONDS: Final = 30.0
"""Time limit without progress while a response is sent; a client that reads nothing for longer is disconnected."""

_READS_BEFORE_YIELD: Final = 8
"""Consecutive reads after which other greenlets run, even if this client always has data ready."""

_INT_BYTES: Final = 4
"""Size of what FIONREAD writes: a C int, the number of bytes that have arrived and are not read."""

_UNREAD_BODY_SECONDS: Final = 1.0
_UNREAD_BODY_BYTES: Final = 1 << 16
"""Limits of the rest of a body that the application left unread; a larger or later one ends the connection."""

_LINGER_BYTES: Final = 1 << 23
"""Most bytes discarded after the response, so that the client can read it before the connection closes.

Twice the default limit of a body: a client that sends one over the limit still gets its 413."""

_LINGER_SECONDS: Final = 2.0
"""Time limit for discarding them."""

_DISCARDED: Final = bytearray(1 << 18)
"""Buffer for discarded input, shared by all connections; its content is never used."""


class ConnectionState(Enum):
    """What a connection is doing or waits for."""

    NEW = auto()
    """Waits for the first byte."""
    IDLE = auto()
    """Waits for the next request."""
    READING = auto()
    """Waits for the rest of a request."""
    PROCESSING = auto()
    """The application handles a request."""
    WRITING = auto()
    """Waits for the client to read a response."""


class Connection:
    """A client's socket with a deadline for every wait.

    Args:
        client: the accepted socket.
        idle_seconds: how long the client may send nothing between requests.
        fast_rejector: returns a whole response to the first bytes of a request, or None if gunicorn is to parse
            the request; after a response the next request may come.
    """

    def __init__(
        self, client: GeventSocket, idle_seconds: float, fast_rejector: Callable[[bytes], bytes | None]
    ) -> None:
        self._socket = client
        self._idle_seconds = idle_seconds
        self._reject = fast_rejector
        self._is_at_start = True
        self._deadline = 0.0
        self._request: Any = None
        self._stalled = False
        self._reads = 0
        self._interim = b""
        self.idle = True
        self.state = ConnectionState.NEW
        self.state_since = time.monotonic()
        """When the state began; for READING, the time of the request's first byte."""
        self.is_authenticated = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def expect_request(self, *, begun: bool) -> None:
        """Begin to wait for the next request; `begun` if some of it was received with the previous one."""
        self.idle = True
        self.state = ConnectionState.IDLE
        self.state_since = time.monotonic()
        self._is_at_start = not begun
        self._interim = b""

    def expect_body(self, request: Any) -> None:
        """Begin to wait for the body of a request whose headers are read; some of it may have arrived with them."""
        self.idle = False
        self.state = ConnectionState.PROCESSING
        self._request = request
        self._deadline = time.monotonic() + BODY_SECONDS

    def mark_authenticated(self) -> None:
        """Record that a request on this connection had valid credentials."""
        self.is_authenticated = True

    def discard_unread_body(self) -> None:
        """Read the rest of the body that the application, which is about to respond, left unread.

        If the rest is long or slow to arrive, or the client still waits for `100 Continue`, the response announces
        that the connection ends here: no other request can follow on it.
        """
        request, self._request = self._request, None
        self._deadline = time.monotonic() + _UNREAD_BODY_SECONDS
        try:
            if len(request.body.read(_UNREAD_BODY_BYTES)) == _UNREAD_BODY_BYTES:
                request.force_close()
        except (ConnectionResetError, ParseException):
            request.force_close()

    def close_after_response(self) -> None:
        """Accept no further request: where the current one's malformed body ends is unknown."""
        if self._request is not None:
            self._request.force_close()

    def recv(self, size: int) -> bytes:
        """Receive data before the deadline.

        Raises:
            werkzeug.exceptions.RequestTimeout: the body is late; the application responds with 408.
            werkzeug.exceptions.ClientDisconnected: the client disconnected within the body.
            ConnectionResetError: anything else is late, or the server closes the connection; gunicorn then closes
                it without a response.
        """
        data = self._receive(size)
        while self.idle and self._is_at_start and data and (response := self._reject(data)) is not None:
            self.sendall(response)
            self.state, self.state_since = ConnectionState.IDLE, time.monotonic()
            gevent.sleep(0)  # under load the next request has arrived by then, and needs no wait
            data = self._receive(size)
        if self.idle:
            self.idle = False
            self.state, self.state_since = ConnectionState.READING, time.monotonic()
            self._deadline = self.state_since + HEAD_SECONDS
        self._reads += 1
        if len(data) == size or self._reads % _READS_BEFORE_YIELD == 0:
            gevent.sleep(0)  # a read of data that has arrived does not block, so no other greenlet would run
        return data

    def _receive(self, size: int) -> bytes:
        if self._interim:
            self._send_interim_response()
        # Data that has arrived is read even past the deadline: then the application was slow, not the client.
        timeout = self._idle_seconds if self.idle else max(0.0, self._deadline - time.monotonic())
        self._socket.settimeout(timeout)
        state = self.state
        if state is ConnectionState.PROCESSING:
            self.state = ConnectionState.READING
        try:
            data = self._socket.recv(size)
        except (TimeoutError, BlockingIOError):
            raise self._timeout_error() from None
        except cancel_wait_ex:  # gevent raises it when the server shuts the socket down
            raise ConnectionResetError(errno.ECONNRESET, "the server closes the connection") from None
        except OSError as error:  # gunicorn logs a traceback for all but three kinds
            raise ConnectionResetError(errno.ECONNRESET, "the connection broke") from error
        finally:
            self.state = state
        if not data and self._request is not None:
            raise self._disconnected_error()
        return data

    def send(self, data: bytes) -> int:
        """Hold `100 Continue` back until the application reads the body; gunicorn sends nothing else by `send`.

        Where the headers alone decide, the client is never asked for the body (RFC 9110, 10.1.1).
        """
        self._interim = data
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send all data, as long as the client makes progress within `WRITE_SECONDS`.

        Raises:
            ConnectionResetError: the client does not read.
        """
        self._socket.settimeout(WRITE_SECONDS)
        self.state, self.state_since = ConnectionState.WRITING, time.monotonic()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            raise self._stall_error() from None
        except OSError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the connection broke") from error
        self.state = ConnectionState.PROCESSING

    def evict(self) -> None:
        """Close as soon as the connection's own greenlet runs; a request in progress gets no response."""
        if self.state in {ConnectionState.NEW, ConnectionState.IDLE}:
            self.shut_down_idle()  # a request that has arrived just now is still served
        else:
            with contextlib.suppress(OSError):
                self._socket.shutdown(SHUT_RDWR)

    def shut_down_idle(self) -> None:
        """Stop reading, unless a request has begun to arrive: its rest may still be in transit."""
        with contextlib.suppress(OSError):
            if not self._has_input():
                self._socket.shutdown(SHUT_RD)

    def _has_input(self) -> bool:
        return any(fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, bytes(_INT_BYTES)))

    def close(self) -> None:
        """Close; after a response only when the client has read it.

        Unread input would make the kernel discard the response (RFC 9112, section 9.6).
        """
        if not self.idle and not self._stalled:
            self._linger()
        self._socket.close()

    def _linger(self) -> None:
        """Discard what the client still sends, until it has read its response and closes.

        gunicorn's own way (`close_graceful`) lets no other greenlet run meanwhile, and takes 1.3 ms for a megabyte;
        this takes 0.9 ms.
        """
        self.state, self.state_since, discarded = ConnectionState.WRITING, time.monotonic(), 0
        deadline = self.state_since + _LINGER_SECONDS
        with contextlib.suppress(OSError):  # including a timeout
            self._socket.shutdown(SHUT_WR)
            while discarded < _LINGER_BYTES and (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                received = self._socket.recv_into(_DISCARDED)
                if not received:
                    return
                discarded += received
                gevent.sleep(0)

    def _send_interim_response(self) -> None:
        if self._request is None:  # the response is decided: the client need not send the body any more
            raise ConnectionResetError(errno.ECONNRESET, "the client was not asked for the body")
        interim, self._interim = self._interim, b""
        self.sendall(interim)

    def _timeout_error(self) -> Exception:
        if self._request is None:
            return self._stall_error()
        from werkzeug.exceptions import RequestTimeout  # noqa: PLC0415 - not before gevent has patched

        self._request.force_close()
        return RequestTimeout()

    def _disconnected_error(self) -> Exception:
        from werkzeug.exceptions import ClientDisconnected  # noqa: PLC0415 - not before gevent has patched

        self._request.force_close()
        return ClientDisconnected()

    def _stall_error(self) -> ConnectionResetError:
        self._stalled = True
        return ConnectionResetError(errno.ECONNRESET, "the client stalls")


class FramedBody:
    """A request's body as it is framed on the wire: it raises the application's own errors for malformed framing."""

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

            self._connection.close_after_response()
            raise BadRequest("The chunked body is malformed. See RFC 9112, section 7.1.") from None
        return data
