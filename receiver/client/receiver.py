"""`Receiver`: the client's methods: get, wait, list, register, forget and stream."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import urllib3

from receiver.client.errors import (
    MisconfiguredError,
    ProblemError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
)
from receiver.client.event_stream import Stream
from receiver.client.http_exchange import Exchange, segment
from receiver.client.operation import (
    ClientContext,
    Operation,
    Receipt,
    context_text,
    read_operation,
    read_receipt,
)

LONGEST_WAIT: Final = 25
"""Seconds for which the receiver delays a response, at most."""

_SILENCE: Final = 45.0
"""Seconds without a byte after which a stream counts as broken; the receiver sends one every 15 s."""

_PAUSE: Final = 2.0
"""Seconds between two requests of a wait, after an error or an early response."""

_CREATED: Final = 201

_log: Final = logging.getLogger("receiver.client")


class Receiver:
    """A client of one receiver, over HTTP. Threads may share it, and greenlets where gevent has patched.

    Processes may too: after a fork each opens connections of its own. It uses the proxy of HTTPS_PROXY, HTTP_PROXY and
    NO_PROXY, and trusts the CA certificates in SSL_CERT_FILE.

    Every method but `wait` and a stream that has begun raises at once when the receiver is unreachable.

    Args:
        url: its address, such as `https://receiver.example`.
        key: an API key; `get`, `list`, `wait`, `stream` need one with the scope `read`, `register` and
            `forget` one with `write`. None for a receiver that requires none (`receiver demo`).
        http: a pool of urllib3 to use instead of a new one: for a client certificate, or a SOCKS proxy.
        clock: seconds of a monotonic clock.
        sleep: a function that waits that many seconds.

    Raises:
        ValueError: the address, the key, or the environment's proxy is malformed.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        http: urllib3.PoolManager | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._exchange = Exchange(url, key, http)
        self._clock = clock
        self._sleep = sleep

    @property
    def url(self) -> str:
        """The receiver's address."""
        return self._exchange.url

    def get(self, client_context: ClientContext) -> Operation | None:
        """Return the latest operation of a client context; None if the receiver knows none.

        Args:
            client_context: any text, or a UUID.

        Raises:
            ValueError: the client context is neither text nor a UUID, or empty, or not valid Unicode.
            ClientError: the receiver does not answer, or refuses.
        """
        return self._latest(context_text(client_context), None)

    def wait(self, client_context: ClientContext, timeout: float | None = 90.0) -> Operation | None:
        """Wait until an operation has its result, and return it.

        When the time is over, the latest state is returned, as by `get`: check `done`. None means that the receiver has
        neither a notification nor a registration of the operation. It retries during an outage, and while the host name
        is unknown; errors that no retry resolves, such as an invalid certificate, are raised at once.

        Args:
            client_context: any text, or a UUID; the receiver need not know it yet.
            timeout: seconds, rounded up to a whole number. None and infinity wait for ever; with 0 or less
                one request is sent.

        Raises:
            ValueError: as for `get`, or the timeout is not a number.
            UnreachableError, UnavailableError: the time is over, and the receiver is unavailable.
            ClientError: the receiver refuses, or no retry can succeed.
        """
        client_context = context_text(client_context)
        timeout = math.inf if timeout is None else timeout
        if math.isnan(timeout):
            raise ValueError("the timeout is not a number")
        deadline = self._clock() + timeout
        level = logging.WARNING
        while True:
            left = max(0.0, deadline - self._clock())
            held = math.ceil(min(LONGEST_WAIT, left))
            sent_at = self._clock()
            try:
                operation = self._latest(client_context, held)
            except MisconfiguredError:
                raise
            except (UnreachableError, UnavailableError) as error:
                if self._clock() >= deadline:
                    raise
                _log.log(level, "Still waiting: %s", error)
                level = logging.INFO  # one line is enough
                pause = (error.retry_after if isinstance(error, UnavailableError) else None) or _PAUSE
            else:
                if (operation and operation.done) or self._clock() >= deadline:
                    return operation
                # A receiver that is being stopped responds early.
                pause = 0.0 if self._clock() - sent_at >= held else _PAUSE
            self._sleep(max(0.0, min(pause, deadline - self._clock())))

    def list(
        self,
        *,
        client_context: ClientContext = "",
        status: str = "",
        type: str = "",  # noqa: A002 - Graph's word
        call_id: str = "",
        tenant_id: str = "",
        since: datetime | None = None,
        overdue: bool | None = None,
        page_size: int = 100,
    ) -> Iterator[Operation]:
        """Iterate over operations, newest first; pages are requested as they are needed.

        Args:
            client_context: only operations of this client context; empty for all, like the other filters.
            status: only operations with this status.
            type: only operations of this type, such as `inviteParticipantsOperation`.
            call_id: only operations of this call.
            tenant_id: only operations of this tenant.
            since: only operations first seen at that time or later; with a time zone.
            overdue: True: only operations whose result was due and has not arrived; False: only the others.
            page_size: operations a request, 1 to 200.

        Raises:
            ValueError: `since` has no time zone, or the client context is neither text nor a UUID.
            ClientError: the receiver does not answer, or refuses.
        """
        if since is not None and since.tzinfo is None:
            raise ValueError("since needs a time zone")
        client_context = context_text(client_context)
        query = {
            "clientContext": client_context,
            "status": status,
            "type": type,
            "callId": call_id,
            "tenantId": tenant_id,
            "since": since.isoformat() if since else "",
            "overdue": "" if overdue is None else str(overdue).lower(),
            "limit": str(page_size),
        }
        return self._pages(query)

    def register(
        self,
        client_context: ClientContext,
        response: Mapping[str, Any] | None = None,
        *,
        call_id: str = "",
        deadline: int | None = None,
    ) -> Receipt:
        """Register an operation that was requested, so that the receiver knows it before its result.

        A result that has already arrived is kept.

        Args:
            client_context: the client context given to Graph.
            response: Graph's response to the action; omit it if it is not available.
            call_id: the call, which Graph's response does not contain.
            deadline: whole seconds, up to a day, after which the operation is overdue if it has no result. They
                count from the receiver's first record of the operation: this registration, or an earlier
                notification of Graph. The default is the receiver's RECEIVER_OVERDUE_SECONDS.

        Raises:
            ValueError: as for `get`.
            ClientError: the receiver does not answer, or refuses.
        """
        client_context = context_text(client_context)
        query = {"callId": call_id, "deadline": "" if deadline is None else str(deadline)}
        answer = self._exchange.send("PUT", _path(client_context), query=query, body=dict(response or {}))
        return read_receipt(answer.document, client_context, created=answer.status == _CREATED)

    def forget(self, client_context: ClientContext) -> bool:
        """Delete all operations of a client context, and their history.

        Returns:
            Whether there were any.

        Raises:
            ValueError: as for `get`.
            ClientError: the receiver does not answer, or refuses.
        """
        try:
            self._exchange.send("DELETE", _path(context_text(client_context)))
        except ProblemError as error:
            if _is_unknown(error):
                return False
            raise
        return True

    def stream(
        self, *, client_context: ClientContext = "", call_id: str = "", last_event_id: str = ""
    ) -> Stream:
        """Connect to the stream of events: all, or those of one client context or one call.

        A stream of one client context or one call begins with the present state.

        Args:
            client_context: only events of this client context.
            call_id: only events of this call.
            last_event_id: go on after this event, which `Stream.last_event_id` returned earlier.

        Raises:
            ClientError: the receiver does not answer, or refuses.
        """
        query = {"clientContext": context_text(client_context), "callId": call_id}
        connect = partial(_listen, self._exchange, query)
        return Stream(connect, last_event_id)

    def _latest(self, client_context: str, held: int | None) -> Operation | None:
        query = {"wait": str(held)} if held else {}
        try:
            answer = self._exchange.send("GET", _path(client_context), query=query, held=held)
        except ProblemError as error:
            if _is_unknown(error):
                return None
            raise
        return read_operation(answer.document, client_context)

    def _pages(self, query: Mapping[str, str]) -> Iterator[Operation]:
        cursor = ""
        while True:
            document = self._exchange.send("GET", "/operations", query={**query, "cursor": cursor}).document
            found, following = document.get("operations"), document.get("next")
            if not isinstance(found, list) or not isinstance(following, str | None):
                raise UnexpectedAnswerError(
                    "The response is not a receiver's: a page without operations. Check the address."
                )
            yield from (read_operation(operation, query["clientContext"]) for operation in found)
            if following is None:
                return
            cursor = following


def _listen(exchange: Exchange, query: Mapping[str, str], last_event_id: str) -> urllib3.BaseHTTPResponse:
    return exchange.listen("/events", query=query, last_event_id=last_event_id, silence=_SILENCE)


def _path(client_context: str) -> str:
    return f"/operations/{segment(client_context)}"


def _is_unknown(error: ProblemError) -> bool:
    return error.type.endswith("/operation-not-found")
