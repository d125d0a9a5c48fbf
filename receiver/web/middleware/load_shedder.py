"""Shedding: what could not be answered in time is refused at once, before any work is spent on it.

Strangers are refused first, then reads, and notifications last; probes are answered. Two things say that it is too
much: the store and the spool have more to do than they can in time, or this process itself has, so that requests wait
long for their turn.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import structlog

from receiver.errors import OverloadedError
from receiver.logs import LOG_CONTEXT
from receiver.metrics.counters import Counters
from receiver.server.environ_names import RECEIVED_AT
from receiver.spool.intake import NotificationSink
from receiver.store.transport.batching_client import BatchingClient
from receiver.web.middleware.admission_queue import AdmissionQueue
from receiver.web.middleware.request_context import request_id_from
from receiver.web.middleware.request_priority import Rank, Ranks
from receiver.web.middleware.response_headers import hardening
from receiver.web.problems import address_of, problem_document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CALLBACK: Final = "/callback"

_LATE: Final = 0.6
"""Seconds until one's turn comes, beyond which notifications are refused; reads beyond half of it."""

REFUSED_AT_ONCE: Final = 128
"""Refusals before others go on: less than those take that begin. Who comes again at once, though told to wait, must not
take all the time."""

_BETWEEN_LINES: Final = 1.0

_log: Final = structlog.get_logger("receiver.shedding")


class LoadShedder:
    """A WSGI application before another, which hands on to it only what can be answered in time.

    Args:
        application: the other.
        sink: keeps notifications.
        reads: the way on which the store is asked.
        counters: count what is refused.
        ranks: tells whose turn comes first.
        admission_queue: of all requests of this process.
        refusals: turns of those that are refused, `REFUSED_AT_ONCE` of them.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        sink: NotificationSink,
        reads: BatchingClient,
        counters: Counters,
        *,
        ranks: Ranks,
        admission_queue: AdmissionQueue,
        refusals: AdmissionQueue,
    ) -> None:
        self._application = application
        self._sink = sink
        self._reads = reads
        self._counters = counters
        self._ranks = ranks
        self._admission_queue = admission_queue
        self._refusals = refusals
        self._told_at = 0.0
        self._untold = 0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, or have it answered."""
        if not self._admission_queue.are_taken and not self.sheds_anything:
            environ[RECEIVED_AT] = self._admission_queue.wait(
                Rank.GRAPH
            )  # which is not asked where there is no queue
            return self._application(environ, start_response)
        path = environ["PATH_INFO"]
        rank = self.rank(
            environ["REQUEST_METHOD"],
            path,
            environ.get("HTTP_AUTHORIZATION"),
            has_cookie="HTTP_COOKIE" in environ,
        )
        if not self.sheds(rank):
            environ[RECEIVED_AT] = self._admission_queue.wait(rank)
            return self._application(environ, start_response)
        self.refuse(path)
        headers, document = refusal(
            environ.get("HTTP_X_REQUEST_ID"), https=environ["wsgi.url_scheme"] == "https"
        )
        start_response("503 Service Unavailable", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [document]

    @property
    def sheds_anything(self) -> bool:
        """Whether there is too much for any request."""
        return self._sheds_reads or self._admission_queue.public_are_full

    def rank(self, method: str, path: str, authorization: str | None, *, has_cookie: bool) -> Rank:
        """Return the rank of a request."""
        return self._ranks.of(method, path, authorization, has_cookie=has_cookie)

    def sheds(self, rank: Rank) -> bool:
        """Tell whether there is too much for a request of this rank."""
        match rank:
            case Rank.KNOWN | Rank.GRAPH:
                return self._admission_queue.are_late(_LATE, rank) or self._sink.is_full
            case Rank.HEALTH:
                return False
            case Rank.CLIENT:
                return self._sheds_reads
            case Rank.PUBLIC:
                return self.sheds_anything

    @property
    def _sheds_reads(self) -> bool:
        return (
            self._admission_queue.are_late(_LATE / 2, Rank.CLIENT)
            or self._sink.is_full
            or self._reads.is_full
        )

    def refuse(self, path: str) -> None:
        """Count a refusal, and return when it is its turn."""
        self._refusals.wait(Rank.CLIENT)
        if path.startswith(_CALLBACK):
            self._counters.count_response(OverloadedError.status, 0.0)
        self._counters.count_refusal(OverloadedError, None)
        self._tell()

    def _tell(self) -> None:
        """Write a line a second: one for each would take longer than to refuse it."""
        self._untold += 1
        now = time.monotonic()
        if now > self._told_at + _BETWEEN_LINES:
            LOG_CONTEXT.set({})  # left by the previous request of this connection
            _log.warning("shed", problem=OverloadedError.type, requests=self._untold)
            self._told_at, self._untold = now, 0


def refusal(given_id: str | None, *, https: bool) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of what a request is told that is shed.

    Args:
        given_id: the id that its sender gave it.
        https: whether it came by https.
    """
    request_id, error = request_id_from(given_id), OverloadedError()
    document = problem_document(
        address_of(OverloadedError), error.title, error.status, error.detail, request_id=request_id
    )
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(document))),
        ("Retry-After", str(error.retry_after)),
        ("X-Request-ID", request_id),
        *hardening("https" if https else "http", ()),
    ]
    return headers, document
