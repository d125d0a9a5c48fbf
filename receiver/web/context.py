"""What goes with every request: its id, the time it may take, its line in the log, its answer's headers."""

import re
import secrets
import time
from typing import Final

import structlog
from flask import Flask, Response, g, request

ANSWER_WITHIN: Final = 2.3
"""Seconds that the work of a request may take; Graph counts an answer after 3 s as slow."""

_LEAST: Final = 0.2
_ID: Final = re.compile(r"[\w.:-]{8,128}", re.ASCII)
_QUIET: Final = frozenset({"/livez", "/readyz"})

_log: Final = structlog.get_logger("receiver.request")


def register_context(app: Flask) -> None:
    """Have every request of the app begun, logged and answered alike."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """Return the id of the request, the sender's own or one made here."""
    found: str = g.request_id
    return found


def time_left() -> float:
    """Return the seconds that are left for the request's work."""
    deadline: float = g.began + ANSWER_WITHIN
    return max(_LEAST, deadline - time.monotonic())


def _begin() -> None:
    g.began = time.monotonic()
    g.request_id = _given("X-Request-ID") or secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    g.message_id = _given("X-Microsoft-Skype-Message-ID")
    scenario = _given("X-Microsoft-Skype-Chain-ID") or _given("Scenario-ID")
    if g.message_id or scenario:
        structlog.contextvars.bind_contextvars(message_id=g.message_id, scenario=scenario)


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    if g.message_id:
        response.headers["client-request-id"] = g.message_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    if request.path not in _QUIET:
        _log.info(
            "answered",
            method=request.method,
            route=str(request.url_rule),  # not the path: a client context may hold anything
            status=response.status_code,
            ms=round((time.monotonic() - g.began) * 1000, 1),
        )
    return response


def _given(header: str) -> str | None:
    value = request.headers.get(header, "")
    return value if _ID.fullmatch(value) else None
