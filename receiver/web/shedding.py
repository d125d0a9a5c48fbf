"""Shedding: what could not be answered in time is refused at once, before any work is spent on it.

Reads go first, notifications last; who asks how the receiver is gets his answer. Two things tell that it is too much:
the store and the spool have more to do than they can in time, or this process itself has, so that requests wait long
for their turn.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import structlog

from receiver.errors import OverloadedError
from receiver.logs import WORK
from receiver.metrics.meters import Meters
from receiver.store.intake import Keeper
from receiver.store.pipeline import Pipeline
from receiver.supervision import Loop, Supervisor
from receiver.web.context import CAME, request_id_from
from receiver.web.headers import hardening
from receiver.web.problems import address_of, problem_document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NEVER_SHED: Final = frozenset({"/livez", "/readyz", "/metrics"})
_CALLBACK: Final = "/callback"
_NOTIFICATIONS: Final = "/notifications"

_LATE: Final = 0.6
"""Seconds until one's turn comes, beyond which notifications are refused; reads beyond half of it."""

_AT_ONCE: Final = 32
"""Requests that begin before others go on: a few hundredths of a second's work."""

_MOST_WAITING: Final = 1000
"""Requests whose turn comes within a second, at the pace of a core."""

REFUSED_AT_ONCE: Final = 128
"""Refusals before others go on: less than those take that begin. Who comes again at once, though told to wait, must not
take all the time."""

_BETWEEN_LINES: Final = 1.0

_log: Final = structlog.get_logger("receiver.shedding")


class Turns:
    """Lets a few requests begin at a time, in the order in which they came, and what has begun goes on before others.

    Without that gevent takes up whatever arrives before it goes on with what waits for the store, and under overload
    nothing is ever finished in time.

    Args:
        clock: seconds.
        at_once: how many.
        name: of its background loop.
        supervisor: runs the loop; by default one of its own.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        at_once: int = _AT_ONCE,
        name: str = "turns",
        supervisor: Supervisor | None = None,
    ) -> None:
        self._name = name
        self._supervisor = supervisor or Supervisor()
        self._is_running = False
        self._clock = clock
        self._at_once = at_once
        self._left = at_once
        self._waiting: deque[tuple[float, queue.SimpleQueue[None]]] = deque()
        self._wanted = threading.Event()

    def are_late(self, seconds: float) -> bool:
        """Tell whether the first of those whose turn is yet to come has waited longer, or too many wait."""
        if not self._waiting:
            return False
        return self._clock() - self._waiting[0][0] > seconds or len(self._waiting) >= _MOST_WAITING

    def wait(self) -> float:
        """Return when it is one's turn; tell when one came."""
        came = self._clock()
        if self._left > 0 and not self._waiting:
            self._left -= 1
            if self._left <= 0:
                self._want()
            return came
        turn: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting.append((came, turn))
        self._want()
        turn.get()
        return came

    def _want(self) -> None:
        if not self._is_running:
            self._is_running = True
            self._supervisor.start(self._name, self._give)
        self._wanted.set()

    def _give(self, loop: Loop) -> None:
        while True:
            self._wanted.clear()
            time.sleep(0)  # behind all that can go on now
            while self._waiting:  # at the start, too: an error may have left some waiting
                for _ in range(min(self._at_once, len(self._waiting))):
                    self._waiting.popleft()[1].put(None)
                loop.progress()
                time.sleep(0)
            self._left = self._at_once
            loop.progress()
            loop.idle()
            self._wanted.wait()
            loop.begin()


class Shedder:
    """A WSGI application before another, which hands on to it only what can be answered in time.

    Args:
        application: the other.
        keeper: keeps notifications.
        reads: the way on which the store is asked.
        meters: count what is refused.
        turns: of all requests of this process.
        refusals: turns of those that are refused, `REFUSED_AT_ONCE` of them.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        keeper: Keeper,
        reads: Pipeline,
        meters: Meters,
        *,
        turns: Turns,
        refusals: Turns,
    ) -> None:
        self._application = application
        self._keeper = keeper
        self._reads = reads
        self._meters = meters
        self._turns = turns
        self._refusals = refusals
        self._told_at = 0.0
        self._untold = 0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, or have it answered."""
        path = environ["PATH_INFO"]
        if not self.sheds(environ["REQUEST_METHOD"], path):
            environ[CAME] = self._turns.wait()
            return self._application(environ, start_response)
        self.refuse(path)
        headers, document = refusal(
            environ.get("HTTP_X_REQUEST_ID"), https=environ["wsgi.url_scheme"] == "https"
        )
        start_response("503 Service Unavailable", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [document]

    @property
    def sheds_anything(self) -> bool:
        """Whether there is too much for anybody."""
        return self._turns.are_late(_LATE / 2) or self._keeper.is_full or self._reads.is_full

    def sheds(self, method: str, path: str) -> bool:
        """Tell whether there is too much for this request."""
        if method == "POST" and path.startswith((_CALLBACK, _NOTIFICATIONS)):
            return self._turns.are_late(_LATE) or self._keeper.is_full
        return path not in _NEVER_SHED and self.sheds_anything

    def refuse(self, path: str) -> None:
        """Count a refusal, and return when it is its turn."""
        self._refusals.wait()
        if path.startswith(_CALLBACK):
            self._meters.answered(OverloadedError.status, 0.0)
        self._meters.refused(OverloadedError, None)
        self._tell()

    def _tell(self) -> None:
        """Write a line a second: one for each would take longer than to refuse it."""
        self._untold += 1
        now = time.monotonic()
        if now > self._told_at + _BETWEEN_LINES:
            WORK.set({})  # of the request before, on the same connection
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
