"""What goes with every request: its id, the time it may take, its line in the log."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import structlog
from flask import request

from receiver.errors import StoreUnavailableError
from receiver.log_grouping import ANSWERS, REFUSALS
from receiver.logs import LOG_CONTEXT
from receiver.server.environ_names import MARK_AUTHENTICATED, RECEIVED_AT
from receiver.web.middleware.response_headers import hardening
from receiver.web.request_ids import make_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ANSWER_WITHIN: Final = 2.3
"""Seconds that the work of a request may take; Graph counts an answer after 3 s as slow."""

_LEAST: Final = 0.2
"""Seconds for work that could not begin earlier, since the client was slow."""

_ID: Final = re.compile(r"[\w.:-]{8,128}", re.ASCII)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_QUIET: Final = frozenset({"/livez", "/readyz", "/metrics"})

_log: Final = structlog.get_logger("receiver.request")


class _Exchange:
    """A request on its way to its answer."""

    __slots__ = ("began", "deadline", "environ", "facts", "message_id", "request_id")

    def __init__(self, environ: "WSGIEnvironment", request_id: str, message_id: str | None) -> None:
        self.began: float = environ.get(RECEIVED_AT) or time.monotonic()
        self.deadline: float | None = None
        self.environ = environ
        self.request_id = request_id
        self.message_id = message_id
        self.facts: dict[str, object] = {}


_current: Final[ContextVar[_Exchange]] = ContextVar("exchange")


def with_context(application: "WSGIApplication") -> "WSGIApplication":
    """Have every request of a Flask app begun, logged and answered alike.

    Around the app, not by its hooks: Flask's own objects take longer to ask than all that is done here.
    """

    def in_context(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        exchange = _begin(environ)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            _log_answer(exchange, int(status[:3]))
            ids = [("X-Request-ID", exchange.request_id)]
            if exchange.message_id:
                ids.append(("client-request-id", exchange.message_id))
            return start_response(
                status, [*headers, *ids, *hardening(environ["wsgi.url_scheme"], headers)], *rest
            )

        return application(environ, start)

    return in_context


def request_id() -> str:
    """Return the id of the request, the sender's own or one made here."""
    return _current.get().request_id


def request_id_from(given: str | None) -> str:
    """Return an id for a request: what its sender gave, if that is one, or one made here."""
    return given if given is not None and _ID.fullmatch(given) else make_id()


def wsgi_environ() -> "WSGIEnvironment":
    """Return the request's WSGI environ; Flask's `request` takes some ten times as long to ask."""
    return _current.get().environ


def vouch() -> None:
    """Tell the server that the request's credentials are good."""
    if (tell := _current.get().environ.get(MARK_AUTHENTICATED)) is not None:
        tell()


def route() -> str | None:
    """Return the rule that the request's path matches, not the path: a client context may hold anything."""
    rule = request.url_rule
    return rule.rule if rule else None


def query_argument(name: str) -> str | None:
    """Return an argument of the request's query, the first of that name; None where there is none."""
    return request.args.get(name) if wsgi_environ()["QUERY_STRING"] else None


def time_left() -> float:
    """Return the seconds that are left for the request's work, however many steps it has.

    Raises:
        StoreUnavailableError: there is none left: the store was too slow in the steps before.
    """
    exchange, now = _current.get(), time.monotonic()
    if exchange.deadline is None:
        exchange.deadline = max(exchange.began + ANSWER_WITHIN, now + _LEAST)
    if exchange.deadline <= now:
        raise StoreUnavailableError("The store does not answer in time. Try again soon.")
    return exchange.deadline - now


def time_taken() -> float:
    """Return the seconds that have passed since the request began."""
    return time.monotonic() - _current.get().began


def note(**facts: object) -> None:
    """Add facts to the line that the log gets about this request."""
    _current.get().facts.update(facts)


def _begin(environ: "WSGIEnvironment") -> _Exchange:
    request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID"))
    message_id = _id(environ, "HTTP_X_MICROSOFT_SKYPE_MESSAGE_ID")
    scenario = _id(environ, "HTTP_X_MICROSOFT_SKYPE_CHAIN_ID") or _id(environ, "HTTP_SCENARIO_ID")
    if message_id or scenario:
        LOG_CONTEXT.set({"request_id": request_id, "message_id": message_id, "scenario": scenario})
    else:
        LOG_CONTEXT.set({"request_id": request_id})
    exchange = _Exchange(environ, request_id, message_id)
    _current.set(exchange)
    return exchange


def _log_answer(exchange: _Exchange, status: int) -> None:
    """Write a line about an answer; under load not for all of a kind."""
    environ = exchange.environ
    if environ["PATH_INFO"] in _QUIET:
        return
    method = environ["REQUEST_METHOD"]
    grouping = REFUSALS if 400 <= status < 500 else ANSWERS  # noqa: PLR2004
    left_out = grouping.admit((method if method in _METHODS else "other", status))
    if left_out is None:
        return
    if left_out:
        exchange.facts["untold"] = left_out
    _log.info(
        "answered",
        method=method,
        route=route(),
        status=status,
        ms=round((time.monotonic() - exchange.began) * 1000, 1),
        **exchange.facts,
    )


def _id(given: Mapping[str, str], name: str) -> str | None:
    value = given.get(name)
    return value if value is not None and _ID.fullmatch(value) else None
