"""`Receiver`: what a caller of Graph asks of the receiver, in Python."""

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
"""Seconds for which the receiver holds an answer, at most."""

_SILENCE: Final = 45.0
"""Seconds without a byte after which a stream is taken for dead; the receiver sends one every 15 s."""

_PAUSE: Final = 2.0
_CREATED: Final = 201

_log: Final = logging.getLogger("receiver.client")


class Receiver:
    """A receiver, asked over HTTP. Threads may share it, and greenlets where gevent has patched.

    Processes may too: after a fork each opens connections of its own. The proxy that HTTPS_PROXY, HTTP_PROXY and
    NO_PROXY name is used, and the CA certificates in SSL_CERT_FILE are trusted.

    Every method but `wait` and a stream that has begun raises at once when the receiver can't be had.

    Args:
        url: where it is, such as `https://receiver.example`.
        key: an API key; `get`, `list`, `wait`, `stream` need one with the scope `read`, `register` and
            `forget` one with `write`. None for a receiver that asks for none (`receiver demo`).
        http: urllib3's pool to use instead of one of our own: for a client certificate, or a SOCKS proxy.
        clock: seconds that only grow.
        sleep: waits that many seconds.

    Raises:
        ValueError: the address or the key can't be one, or the environment names a proxy that can't be used.
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
        """Where the receiver is."""
        return self._exchange.url

    def get(self, client_context: ClientContext) -> Operation | None:
        """Return the latest operation of a client context; None while nobody has told of one.

        Args:
            client_context: any text, or a UUID.

        Raises:
            ValueError: the client context is neither text nor a UUID, or empty, or not Unicode text.
            ClientError: the receiver does not answer, or not as asked.
        """
        return self._latest(context_text(client_context), None)

    def wait(self, client_context: ClientContext, timeout: float | None = 90.0) -> Operation | None:
        """Wait until an operation has its result, and return it.

        When the time is over the latest state is returned, as `get` would: look at `done`. None means that
        the receiver does not know the operation, neither from Graph nor from a registration. An outage is waited
        through, and so is a host name that is not known; what no waiting cures, such as a certificate, is raised
        at once.

        Args:
            client_context: any text, or a UUID; it need not be known yet.
            timeout: seconds, taken as a whole number upwards. None and infinity wait for ever; with 0 or less
                the receiver is asked once.

        Raises:
            ValueError: as `get` does, or the timeout is not a number.
            UnreachableError, UnavailableError: the time is over, and the receiver can't be had.
            ClientError: the receiver answers, but not as asked; or can't be had as it is set.
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
            asked_at = self._clock()
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
                # One that is being stopped answers early.
                pause = 0.0 if self._clock() - asked_at >= held else _PAUSE
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
        """Iterate over operations, newest first, asking for page after page as they are needed.

        Args:
            client_context: of this client context only; likewise `status`, `type`, `call_id`, `tenant_id`.
            status: as above, and so on.
            type: Graph's name of the type, such as `inviteParticipantsOperation`.
            call_id: the call.
            tenant_id: the tenant.
            since: first heard of at that time or later; with a time zone.
            overdue: True: only those whose result was due and has not come; False: only the others.
            page_size: how many to ask for at a time, 1 to 200.

        Raises:
            ValueError: `since` has no time zone, or the client context is neither text nor a UUID.
            ClientError: the receiver does not answer, or not as asked.
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
        """Tell of an operation that was asked for, so that it is known before its result.

        The result may have come already: it stands.

        Args:
            client_context: as it was given to Graph.
            response: what Graph answered to the action; nothing, if it is not at hand.
            call_id: the call, which Graph's answer does not name.
            deadline: whole seconds, up to a day, after which the operation is overdue if it has no result. They
                count from when the receiver first heard of the operation: from this registration, or from a
                notification of Graph that came before it. As the receiver is set (RECEIVER_OVERDUE_SECONDS), if
                not given.

        Raises:
            ValueError: as `get` does.
            ClientError: the receiver does not answer, or not as asked.
        """
        client_context = context_text(client_context)
        query = {"callId": call_id, "deadline": "" if deadline is None else str(deadline)}
        answer = self._exchange.ask("PUT", _path(client_context), query=query, body=dict(response or {}))
        return read_receipt(answer.document, client_context, created=answer.status == _CREATED)

    def forget(self, client_context: ClientContext) -> bool:
        """Let the receiver forget all operations of a client context, and their history.

        Returns:
            Whether there were any.

        Raises:
            ValueError: as `get` does.
            ClientError: the receiver does not answer, or not as asked.
        """
        try:
            self._exchange.ask("DELETE", _path(context_text(client_context)))
        except ProblemError as error:
            if _is_unknown(error):
                return False
            raise
        return True

    def stream(
        self, *, client_context: ClientContext = "", call_id: str = "", last_event_id: str = ""
    ) -> Stream:
        """Connect to the live stream of what changes: all of it, or of one client context, or of one call.

        Of one client context or one call it begins with the present.

        Args:
            client_context: of this client context only.
            call_id: of this call only.
            last_event_id: go on behind this event, which `Stream.last_event_id` told earlier.

        Raises:
            ClientError: the receiver does not answer, or not as asked.
        """
        query = {"clientContext": context_text(client_context), "callId": call_id}
        connect = partial(_listen, self._exchange, query)
        return Stream(connect, last_event_id)

    def _latest(self, client_context: str, held: int | None) -> Operation | None:
        query = {"wait": str(held)} if held else {}
        try:
            answer = self._exchange.ask("GET", _path(client_context), query=query, held=held)
        except ProblemError as error:
            if _is_unknown(error):
                return None
            raise
        return read_operation(answer.document, client_context)

    def _pages(self, query: Mapping[str, str]) -> Iterator[Operation]:
        cursor = ""
        while True:
            document = self._exchange.ask("GET", "/operations", query={**query, "cursor": cursor}).document
            found, following = document.get("operations"), document.get("next")
            if not isinstance(found, list) or not isinstance(following, str | None):
                raise UnexpectedAnswerError(
                    "What answers there is not a receiver: a page without operations."
                )
            yield from (read_operation(one, query["clientContext"]) for one in found)
            if following is None:
                return
            cursor = following


def _listen(exchange: Exchange, query: Mapping[str, str], last_event_id: str) -> urllib3.BaseHTTPResponse:
    return exchange.listen("/events", query=query, last_event_id=last_event_id, silence=_SILENCE)


def _path(client_context: str) -> str:
    return f"/operations/{segment(client_context)}"


def _is_unknown(error: ProblemError) -> bool:
    return error.type.endswith("/operation-not-found")
