"""A client's connection on which nothing waits for ever, and the body of the request that comes over it.

Stands between gunicorn and the socket. It knows whether its client is idle, sends a request, or is answered, so
it has the right deadline at hand for each; what it finds wrong it says in the application's terms.
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
"""From a request's first byte to the end of its headers."""

BODY_SECONDS: Final = 10.0
"""From there to the end of its body."""

WRITE_SECONDS: Final = 30.0
"""How long a client may read nothing of its answer."""

_RECEIVED_AT_ONCE: Final = 8
"""How often a client may have something at hand before the others get their turn."""

_INT_BYTES: Final = 4
"""What FIONREAD writes: a C int, the number of bytes that have arrived and are not read."""

_LEFTOVER_SECONDS: Final = 1.0
_LEFTOVER_BYTES: Final = 1 << 16
_LINGER_BYTES: Final = 1 << 23
"""Twice the default limit of a body, so that a client that sends one over the limit gets its 413 before the end."""

_LINGER_SECONDS: Final = 2.0
_DROPPED: Final = bytearray(1 << 18)
"""Where all connections put what none reads."""


class Phase(Enum):
    """What a connection waits for."""

    SILENT = auto()
    """The first byte that the client sends."""
    IDLE = auto()
    """The client's next request."""
    RECEIVED = auto()
    """The rest of a request."""
    ANSWERED = auto()
    """The application."""
    SENT = auto()
    """The client, which is to read its answer."""


class Connection:
    """A client's socket on which nothing waits for ever.

    Args:
        client: the accepted socket.
        idle_seconds: how long the client may say nothing between requests.
        door: answers what has come of a request, if nobody is to read it; after that the next may come.
    """

    def __init__(
        self, client: GeventSocket, idle_seconds: float, door: Callable[[bytes], bytes | None]
    ) -> None:
        self._socket = client
        self._idle_seconds = idle_seconds
        self._door = door
        self._is_at_door = True
        self._deadline = 0.0
        self._request: Any = None
        self._stalled = False
        self._received = 0
        self._interim = b""
        self.idle = True
        self.phase = Phase.SILENT
        self.since = time.monotonic()
        """When the phase began; that of a request with its first byte."""
        self.is_vouched_for = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def expect_request(self, *, begun: bool) -> None:
        """Begin to wait for the next request, of which some may have come before."""
        self.idle = True
        self.phase = Phase.IDLE
        self.since = time.monotonic()
        self._is_at_door = not begun
        self._interim = b""

    def expect_body(self, request: Any) -> None:
        """Begin to wait for the body of the request whose headers are read, maybe out of what came before."""
        self.idle = False
        self.phase = Phase.ANSWERED
        self._request = request
        self._deadline = time.monotonic() + BODY_SECONDS

    def vouch(self) -> None:
        """Note that a request on this connection had good credentials."""
        self.is_vouched_for = True

    def settle_body(self) -> None:
        """Read what the application, which is about to answer, left unread of the body.

        Where that is much or slow to come, or the client still waits to be asked for it, the answer says that the
        connection ends here: no other request may come on it.
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
        data = self._receive(size)
        while self.idle and self._is_at_door and data and (refusal := self._door(data)) is not None:
            self.sendall(refusal)
            self.phase, self.since = Phase.IDLE, time.monotonic()
            gevent.sleep(0)  # under load the next is there then, and need not be waited for
            data = self._receive(size)
        if self.idle:
            self.idle = False
            self.phase, self.since = Phase.RECEIVED, time.monotonic()
            self._deadline = self.since + HEAD_SECONDS
        self._received += 1
        if len(data) == size or self._received % _RECEIVED_AT_ONCE == 0:
            gevent.sleep(0)  # where more has arrived already, no call waits, and everybody else would
        return data

    def _receive(self, size: int) -> bytes:
        if self._interim:
            self._ask_for_body()
        # What has arrived is taken even when its time is over: the application was slow then, not the client.
        patience = self._idle_seconds if self.idle else max(0.0, self._deadline - time.monotonic())
        self._socket.settimeout(patience)
        phase = self.phase
        if phase is Phase.ANSWERED:
            self.phase = Phase.RECEIVED
        try:
            data = self._socket.recv(size)
        except (TimeoutError, BlockingIOError):
            raise self._too_late() from None
        except cancel_wait_ex:  # so gevent ends the wait when we hang up
            raise ConnectionResetError(errno.ECONNRESET, "we hang up") from None
        except OSError as error:  # gunicorn logs all but three of them with a traceback
            raise ConnectionResetError(errno.ECONNRESET, "the connection broke") from error
        finally:
            self.phase = phase
        if not data and self._request is not None:
            raise self._gone()
        return data

    def send(self, data: bytes) -> int:
        """Hold `100 Continue` back until the application reads the body; gunicorn sends nothing else so.

        Where the headers alone decide, the client is never asked for the body (RFC 9110, 10.1.1).
        """
        self._interim = data
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send everything, as long as the client reads something now and then.

        Raises:
            ConnectionResetError: the client does not read.
        """
        self._socket.settimeout(WRITE_SECONDS)
        self.phase, self.since = Phase.SENT, time.monotonic()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            raise self._stall() from None
        except OSError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the connection broke") from error
        self.phase = Phase.ANSWERED

    def make_room(self) -> None:
        """Close as soon as the connection's own greenlet runs: without an answer where one is due."""
        if self.phase in {Phase.SILENT, Phase.IDLE}:
            self.hang_up()  # a request that has arrived just now is still answered
        else:
            with contextlib.suppress(OSError):
                self._socket.shutdown(SHUT_RDWR)

    def hang_up(self) -> None:
        """Read nothing more, unless a request has begun to arrive: of that the rest may still be on its way."""
        with contextlib.suppress(OSError):
            if not self._has_input():
                self._socket.shutdown(SHUT_RD)

    def _has_input(self) -> bool:
        return any(fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, bytes(_INT_BYTES)))

    def close(self) -> None:
        """Close; after an answer only when the client has read it.

        Input that is still unread would make the kernel throw the answer away (RFC 9112, section 9.6).
        """
        if not self.idle and not self._stalled:
            self._linger()
        self._socket.close()

    def _linger(self) -> None:
        """Read and drop what the client still sends, until it has read its answer and closes.

        gunicorn's own way (`close_graceful`) lets no other client in between, and takes 1.3 ms for a megabyte; this
        takes 0.9 ms.
        """
        self.phase, self.since, dropped = Phase.SENT, time.monotonic(), 0
        deadline = self.since + _LINGER_SECONDS
        with contextlib.suppress(OSError):  # also of a time-out
            self._socket.shutdown(SHUT_WR)
            while dropped < _LINGER_BYTES and (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                received = self._socket.recv_into(_DROPPED)
                if not received:
                    return
                dropped += received
                gevent.sleep(0)

    def _ask_for_body(self) -> None:
        if self._request is None:  # it is answered already: what the client has not sent, it need not send
            raise ConnectionResetError(errno.ECONNRESET, "the client was not asked for the body")
        interim, self._interim = self._interim, b""
        self.sendall(interim)

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


class Body:
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
