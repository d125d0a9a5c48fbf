"""Responses to errors: each is an `application/problem+json` document (RFC 9457), made in this file."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import orjson
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from receiver.errors import (
    BadRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    ReceiverError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from receiver.log_grouping import ANSWERS, BUGS, REFUSALS
from receiver.trust.callback_tokens import Reason, RefusedTokenError
from receiver.web.auth.challenges import add_challenge
from receiver.web.middleware.request_context import request_id

_log: Final = structlog.get_logger("receiver.problems")

OF_HTTP: Final = (
    BadRequestError,
    NotFoundError,
    MethodNotAllowedError,
    RequestTimeoutError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
"""The errors that Flask itself raises, on any route."""

PROBLEM: Final = "application/problem+json"

BLANK: Final = "about:blank"
"""The type of a problem that means no more than its status (RFC 9457, 4.2.1)."""

Observer: TypeAlias = Callable[[type[ReceiverError], Reason | None], None]
"""Called with the type of every problem, and the reason for which a token was rejected."""

Page: TypeAlias = Callable[[ReceiverError], Response]
"""Makes the page of an error, for browsers."""

_WITHOUT_ROUTE: Final = {
    NotFoundError.status: NotFoundError("No route has this address. `/docs` shows every route."),
    MethodNotAllowedError.status: MethodNotAllowedError(
        "This address does not support this method. The header `Allow` lists the methods that it supports."
    ),
}
"""The errors of requests that match no route, by status."""

_BY_STATUS: Final = {error.status: error for error in OF_HTTP}


def address_of(error: type[ReceiverError]) -> str:
    """Return the type of an error's problem document: the address of the page that explains it."""
    return f"/problems/{error.type}"


def unexpected_error_status(method: str) -> int:
    """Return the status of an unexpected error: 503 for a POST, since Graph does not retry after a 500."""
    return 503 if method == "POST" else ReceiverError.status


def register_problems(app: Flask, observe: Observer, page: Page) -> None:
    """Register the error handlers: every error gets a problem document, an unknown address in a browser a page.

    Args:
        app: the app.
        observe: called with every problem.
        page: makes the page.
    """
    app.register_error_handler(ReceiverError, partial(_receiver_error_response, observe))
    app.register_error_handler(HTTPException, partial(_http_error_response, observe, page))
    app.register_error_handler(Exception, partial(_unexpected_error_response, observe))


def _receiver_error_response(observe: Observer, error: ReceiverError) -> Response:
    reason = error.reason if isinstance(error, RefusedTokenError) else None
    observe(type(error), reason)
    _log_refusal(error, reason)
    response = _problem(address_of(type(error)), error.title, error.status, error.detail, error.extensions)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    add_challenge(response, error)
    return response


def _http_error_response(observe: Observer, page: Page, error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # noqa: PLR2004 - a redirect of Flask's
        return error.get_response(request.environ)  # type: ignore[return-value] # werkzeug's, which Flask accepts
    known = _BY_STATUS.get(status)
    if known:
        observe(known, None)
    without_route = _WITHOUT_ROUTE.get(status)
    if without_route and _prefers_html():
        response = page(without_route)
    else:
        kind, title = (address_of(known), known.title) if known else (BLANK, error.name)
        detail = without_route.detail if without_route else error.description or ""
        response = _problem(kind, title, status, detail, {})
    if without_route:
        response.headers.add("Vary", "Accept")
    for name, value in error.get_headers(request.environ):
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _prefers_html() -> bool:
    """Return whether the client prefers a page to JSON, as a browser does."""
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > max(
        accepted.quality(PROBLEM), accepted.quality("application/json")
    )


def _unexpected_error_response(observe: Observer, error: Exception) -> Response:
    kind = type(error).__name__
    if (left_out := BUGS.admit(kind)) is not None:
        _log.error(
            "unexpected error: a bug of the receiver",
            error=kind,
            exc_info=error,
            **_suppressed(left_out),
        )
    observe(ReceiverError, None)
    detail = "The receiver failed unexpectedly, not because of the request. Its log has more under this request id."
    status = unexpected_error_status(request.method)
    response = _problem(address_of(ReceiverError), ReceiverError.title, status, detail, {})
    response.headers["Retry-After"] = "10"
    return response


def _log_refusal(error: ReceiverError, reason: Reason | None) -> None:
    is_server_error = error.status >= 500  # noqa: PLR2004
    left_out = (ANSWERS if is_server_error else REFUSALS).admit((error.type, reason))
    if left_out is not None:
        level = logging.WARNING if is_server_error else logging.INFO
        fields = {"reason": reason} if reason else {}
        _log.log(level, "refused", problem=error.type, **fields, **_suppressed(left_out))


def _suppressed(left_out: int) -> dict[str, int]:
    return {"suppressed": left_out} if left_out else {}


def problem_document(
    kind: str, title: str, status: int, detail: str, *, request_id: str, **extensions: object
) -> bytes:
    """Write a problem document (RFC 9457): type, title, status, detail, the request's id and further members."""
    document = {"type": kind, "title": title, "status": status, "detail": detail, "requestId": request_id}
    return orjson.dumps({**document, **extensions})


def _problem(kind: str, title: str, status: int, detail: str, extensions: dict[str, object]) -> Response:
    document = problem_document(kind, title, status, detail, request_id=request_id(), **extensions)
    return Response(document, status, content_type=PROBLEM)
