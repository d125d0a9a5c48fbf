"""Load shedding: reject at once, before any work is done for it, a request that could not be answered in time.

Unauthenticated requests are rejected first, then reads, and notifications last; probes are always answered. There are
two signs of overload: the queues of the store and of the spool are full, or requests wait too long for a slot in this
process.
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
from receiver.web.middleware.request_priority import Priority, PriorityClassifier
from receiver.web.middleware.response_headers import missing_security_headers
from receiver.web.problems import address_of, problem_document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CALLBACK: Final = "/callback"

_LATE_SECONDS: Final = 0.6
"""Seconds in the admission queue after which notifications are shed; reads are shed after half of it."""

REJECTIONS_AT_ONCE: Final = 128
"""Rejections before other requests go on: they take less time than the requests that begin in a round. A client that
repeats its request at once, in spite of `Retry-After`, must not take all the time."""

_LOG_SECONDS: Final = 1.0
"""Seconds between two lines in the log about shed requests; each line has their number."""

_log: Final = structlog.get_logger("receiver.shedding")


class LoadShedder:
    """A WSGI middleware that passes on only requests that can be answered in time.

    Args:
        application: the wrapped application.
        sink: stores notifications; a full one is a sign of overload.
        reads: reads from the store; full queues are a sign of overload.
        counters: count rejections.
        classifier: returns the priority of a request.
        admission_queue: of all requests of this process.
        rejections: the queue of rejected requests, with `REJECTIONS_AT_ONCE` slots.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        sink: NotificationSink,
        reads: BatchingClient,
        counters: Counters,
        *,
        classifier: PriorityClassifier,
        admission_queue: AdmissionQueue,
        rejections: AdmissionQueue,
    ) -> None:
        self._application = application
        self._sink = sink
        self._reads = reads
        self._counters = counters
        self._classifier = classifier
        self._admission_queue = admission_queue
        self._rejections = rejections
        self._logged_at = 0.0
        self._not_logged = 0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Pass a request on to the application, or reject it."""
        if not self._admission_queue.is_busy and not self.is_shedding:
            # The priority does not matter while no request has to wait.
            environ[RECEIVED_AT] = self._admission_queue.wait(Priority.NOTIFICATION)
            return self._application(environ, start_response)
        path = environ["PATH_INFO"]
        priority = self.classify(
            environ["REQUEST_METHOD"],
            path,
            environ.get("HTTP_AUTHORIZATION"),
            has_cookie="HTTP_COOKIE" in environ,
        )
        if not self.sheds(priority):
            environ[RECEIVED_AT] = self._admission_queue.wait(priority)
            return self._application(environ, start_response)
        self.count_rejection(path)
        headers, document = rejection(
            environ.get("HTTP_X_REQUEST_ID"), https=environ["wsgi.url_scheme"] == "https"
        )
        start_response("503 Service Unavailable", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [document]

    @property
    def is_shedding(self) -> bool:
        """Whether requests of any priority are shed now."""
        return self._sheds_reads or self._admission_queue.is_full_for_public

    def classify(self, method: str, path: str, authorization: str | None, *, has_cookie: bool) -> Priority:
        """Return the priority of a request; see `PriorityClassifier.classify`."""
        return self._classifier.classify(method, path, authorization, has_cookie=has_cookie)

    def sheds(self, priority: Priority) -> bool:
        """Return whether requests of a priority are shed now."""
        match priority:
            case Priority.VERIFIED_NOTIFICATION | Priority.NOTIFICATION:
                return self._admission_queue.is_late(_LATE_SECONDS, priority) or self._sink.is_full
            case Priority.HEALTH:
                return False
            case Priority.CLIENT:
                return self._sheds_reads
            case Priority.PUBLIC:
                return self.is_shedding

    @property
    def _sheds_reads(self) -> bool:
        return (
            self._admission_queue.is_late(_LATE_SECONDS / 2, Priority.CLIENT)
            or self._sink.is_full
            or self._reads.is_full
        )

    def count_rejection(self, path: str) -> None:
        """Wait for a slot to reject a request, then count and log the rejection."""
        self._rejections.wait(Priority.CLIENT)
        if path.startswith(_CALLBACK):
            self._counters.count_response(OverloadedError.status, 0.0)
        self._counters.count_refusal(OverloadedError, None)
        self._log()

    def _log(self) -> None:
        """Write a line a second: a line for each rejection would take longer than the rejection."""
        self._not_logged += 1
        now = time.monotonic()
        if now > self._logged_at + _LOG_SECONDS:
            LOG_CONTEXT.set({})  # it still has the previous request of this connection
            _log.warning(
                "requests shed: more than this process answers in time; add workers or instances",
                problem=OverloadedError.type,
                requests=self._not_logged,
            )
            self._logged_at, self._not_logged = now, 0


def rejection(given_id: str | None, *, https: bool) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers and the body of the response to a shed request.

    Args:
        given_id: the request id that its sender gave it.
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
        *missing_security_headers("https" if https else "http", ()),
    ]
    return headers, document
