"""The context of every request: its id, the time that its work may take, and its line in the log."""

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
from receiver.web.middleware.response_headers import missing_security_headers
from receiver.web.request_ids import make_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RESPONSE_SECONDS: Final = 2.3
"""Seconds that the work of a request may take; Graph counts a response after 3 s as slow."""

_LEAST_SECONDS: Final = 0.2
"""Seconds that work gets which could not begin earlier because the client was slow."""

_ID: Final = re.compile(r"[\w.:-]{8,128}", re.ASCII)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_NOT_LOGGED: Final = frozenset({"/livez", "/readyz", "/metrics"})

_log: Final = structlog.get_logger("receiver.request")


class _RequestContext:
    """A request from its arrival to its response."""

    __slots__ = ("began", "deadline", "environ", "log_fields", "message_id", "request_id")

    def __init__(self, environ: "WSGIEnvironment", request_id: str, message_id: str | None) -> None:
        self.began: float = environ.get(RECEIVED_AT) or time.monotonic()
        self.deadline: float | None = None
        self.environ = environ
        self.request_id = request_id
        self.message_id = message_id
        self.log_fields: dict[str, object] = {}


_current: Final[ContextVar[_RequestContext]] = ContextVar("request_context")


def add_request_context(application: "WSGIApplication") -> "WSGIApplication":
    """Wrap a Flask app, so that every request has a context, a line in the log and the same headers.

    It wraps the app instead of using its hooks: reading Flask's own objects takes longer than all that is done here.
    """

    def in_context(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        context = _begin(environ)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            _log_response(context, int(status[:3]))
            ids = [("X-Request-ID", context.request_id)]
            if context.message_id:
                ids.append(("client-request-id", context.message_id))
            security_headers = missing_security_headers(environ["wsgi.url_scheme"], headers)
            return start_response(status, [*headers, *ids, *security_headers], *rest)

        return application(environ, start)

    return in_context


def request_id() -> str:
    """Return the id of the request: the sender's own, or one made here."""
    return _current.get().request_id


def request_id_from(given: str | None) -> str:
    """Return an id for a request: the sender's if it is valid, else a new one."""
    return given if given is not None and _ID.fullmatch(given) else make_id()


def wsgi_environ() -> "WSGIEnvironment":
    """Return the request's WSGI environ; reading Flask's `request` takes some ten times as long."""
    return _current.get().environ


def mark_authenticated() -> None:
    """Report to the server that the request's credentials are good, so that it keeps the connection longer."""
    if (mark := _current.get().environ.get(MARK_AUTHENTICATED)) is not None:
        mark()


def route() -> str | None:
    """Return the rule that the request's path matches, not the path: a client context may be personal data."""
    rule = request.url_rule
    return rule.rule if rule else None


def query_argument(name: str) -> str | None:
    """Return the first query argument of a name; None without one."""
    return request.args.get(name) if wsgi_environ()["QUERY_STRING"] else None


def time_left() -> float:
    """Return the seconds that are left for the request's work, however many steps it has.

    Raises:
        StoreUnavailableError: no time is left, since the store was too slow in earlier steps.
    """
    context, now = _current.get(), time.monotonic()
    if context.deadline is None:
        context.deadline = max(context.began + RESPONSE_SECONDS, now + _LEAST_SECONDS)
    if context.deadline <= now:
        raise StoreUnavailableError("The store does not answer in time. Try again soon.")
    return context.deadline - now


def time_taken() -> float:
    """Return the seconds since the request began."""
    return time.monotonic() - _current.get().began


def add_log_fields(**fields: object) -> None:
    """Add fields to the line that the log gets about this request."""
    _current.get().log_fields.update(fields)


def _begin(environ: "WSGIEnvironment") -> _RequestContext:
    request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID"))
    message_id = _id(environ, "HTTP_X_MICROSOFT_SKYPE_MESSAGE_ID")
    scenario = _id(environ, "HTTP_X_MICROSOFT_SKYPE_CHAIN_ID") or _id(environ, "HTTP_SCENARIO_ID")
    if message_id or scenario:
        LOG_CONTEXT.set({"request_id": request_id, "message_id": message_id, "scenario": scenario})
    else:
        LOG_CONTEXT.set({"request_id": request_id})
    context = _RequestContext(environ, request_id, message_id)
    _current.set(context)
    return context


def _log_response(context: _RequestContext, status: int) -> None:
    """Log a response; under load only some of those with the same method and status."""
    environ = context.environ
    if environ["PATH_INFO"] in _NOT_LOGGED:
        return
    method = environ["REQUEST_METHOD"]
    grouping = REFUSALS if 400 <= status < 500 else ANSWERS  # noqa: PLR2004
    left_out = grouping.admit((method if method in _METHODS else "other", status))
    if left_out is None:
        return
    if left_out:
        context.log_fields["suppressed"] = left_out
    _log.info(
        "answered",
        method=method,
        route=route(),
        status=status,
        ms=round((time.monotonic() - context.began) * 1000, 1),
        **context.log_fields,
    )


def _id(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    return value if value is not None and _ID.fullmatch(value) else None
