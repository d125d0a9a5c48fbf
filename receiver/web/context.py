"""What goes with every request: its id, the time it may take, its line in the log."""

import logging
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from flask import Flask, Response, request

from receiver.web.ids import make_id

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ANSWER_WITHIN: Final = 2.3
"""Seconds that the work of a request may take; Graph counts an answer after 3 s as slow."""

CAME: Final = "receiver.came"
"""Where the WSGI environ has the time at which the request came, if it then had to wait for its turn."""

_LEAST: Final = 0.2
_ID: Final = re.compile(r"[\w.:-]{8,128}", re.ASCII)
_MANY: Final = frozenset({("POST", 202), ("GET", 200), ("GET", 304)})
_BETWEEN_LINES: Final = 0.02
"""Seconds; a line takes a tenth of the time of a whole request."""

_QUIET: Final = frozenset({"/livez", "/readyz", "/metrics"})

_log: Final = structlog.get_logger("receiver.request")


class _Exchange:
    """A request on its way to its answer."""

    __slots__ = ("began", "environ", "facts", "message_id", "request_id")

    def __init__(self, environ: "WSGIEnvironment", request_id: str, message_id: str | None) -> None:
        self.began: float = environ.get(CAME) or time.monotonic()
        self.environ = environ
        self.request_id = request_id
        self.message_id = message_id
        self.facts: dict[str, object] = {}


_current: Final[ContextVar[_Exchange]] = ContextVar("exchange")


def register_context(app: Flask) -> None:
    """Have every request of the app begun, logged and answered alike."""
    told = _Told(all_of_them=_log.is_enabled_for(logging.DEBUG))
    app.before_request(_begin)
    app.after_request(partial(_end, told))


def request_id() -> str:
    """Return the id of the request, the sender's own or one made here."""
    return _current.get().request_id


def id_of(environ: "WSGIEnvironment") -> str:
    """Return an id for a request: the sender's own, or one made here."""
    return _id(environ, "HTTP_X_REQUEST_ID") or make_id()


def wsgi_environ() -> "WSGIEnvironment":
    """Return the request's WSGI environ; Flask's `request` takes some ten times as long to ask."""
    return _current.get().environ


def time_left() -> float:
    """Return the seconds that are left for the request's work."""
    return max(_LEAST, _current.get().began + ANSWER_WITHIN - time.monotonic())


def time_taken() -> float:
    """Return the seconds that have passed since the request began."""
    return time.monotonic() - _current.get().began


def note(**facts: object) -> None:
    """Add facts to the line that the log gets about this request."""
    _current.get().facts.update(facts)


def _begin() -> None:
    given = request.environ
    request_id = id_of(given)
    message_id = _id(given, "HTTP_X_MICROSOFT_SKYPE_MESSAGE_ID")
    scenario = _id(given, "HTTP_X_MICROSOFT_SKYPE_CHAIN_ID") or _id(given, "HTTP_SCENARIO_ID")
    _current.set(_Exchange(given, request_id, message_id))
    structlog.contextvars.clear_contextvars()
    if message_id or scenario:
        structlog.contextvars.bind_contextvars(
            request_id=request_id, message_id=message_id, scenario=scenario
        )
    else:
        structlog.contextvars.bind_contextvars(request_id=request_id)


def _end(told: "_Told", response: Response) -> Response:
    exchange = _current.get()
    headers = response.headers
    headers.add("X-Request-ID", exchange.request_id)
    if exchange.message_id:
        headers.add("client-request-id", exchange.message_id)
    route = request.url_rule
    if route is None or route.rule not in _QUIET:
        told.tell(exchange, route.rule if route else None, response.status_code)
    return response


class _Told:
    """Writes a line for every answer; under load not for all of the kinds that are many and alike."""

    def __init__(self, *, all_of_them: bool) -> None:
        self._all_of_them = all_of_them
        self._at = dict.fromkeys(_MANY, 0.0)
        self._untold = dict.fromkeys(_MANY, 0)

    def tell(self, exchange: _Exchange, route: str | None, status: int) -> None:
        now = time.monotonic()
        kind = exchange.environ["REQUEST_METHOD"], status
        if kind in _MANY:
            if now < self._at[kind] + _BETWEEN_LINES and not self._all_of_them:
                self._untold[kind] += 1
                return
            if self._untold[kind]:
                exchange.facts["untold"] = self._untold[kind]
            self._at[kind], self._untold[kind] = now, 0
        _log.info(
            "answered",
            method=kind[0],
            route=route,  # not the path: a client context may hold anything
            status=status,
            ms=round((now - exchange.began) * 1000, 1),
            **exchange.facts,
        )


def _id(given: Mapping[str, str], name: str) -> str | None:
    value = given.get(name)
    return value if value is not None and _ID.fullmatch(value) else None
