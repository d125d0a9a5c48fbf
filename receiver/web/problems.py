"""Errors as answers: every one is `application/problem+json` (RFC 9457), from one place."""

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
from receiver.web.auth.challenges import answer_challenge
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
"""What Flask itself may find wrong, on any route."""

PROBLEM: Final = "application/problem+json"

BLANK: Final = "about:blank"
"""The type of a problem that means no more than its status does (RFC 9457, 4.2.1)."""

Observer: TypeAlias = Callable[[type[ReceiverError], Reason | None], None]
"""Told of every problem, with the reason why a token was not believed, where that is it."""

Page: TypeAlias = Callable[[ReceiverError], Response]
"""Makes a page of an error, for people."""

_OUTSIDE: Final = {
    NotFoundError.status: NotFoundError("There is nothing under this address. `/docs` shows every route."),
    MethodNotAllowedError.status: MethodNotAllowedError(
        "This address does not take this method. The header `Allow` names those that it takes."
    ),
}
"""What may be wrong before any route is reached, by status."""

_BY_STATUS: Final = {error.status: error for error in OF_HTTP}


def address_of(error: type[ReceiverError]) -> str:
    """Return the type of an error's problem document: where it is explained."""
    return f"/problems/{error.type}"


def status_of_a_bug(method: str) -> int:
    """Return the status of our own fault, which Graph must never take for a final answer."""
    return 503 if method == "POST" else ReceiverError.status


def register_problems(app: Flask, observe: Observer, page: Page) -> None:
    """Answer every error of the app with a problem document, or an unknown address in a browser with a page.

    Args:
        app: the app.
        observe: called with every problem.
        page: makes the page.
    """
    app.register_error_handler(ReceiverError, partial(_of_ours, observe))
    app.register_error_handler(HTTPException, partial(_of_http, observe, page))
    app.register_error_handler(Exception, partial(_of_a_bug, observe))


def _of_ours(observe: Observer, error: ReceiverError) -> Response:
    reason = error.reason if isinstance(error, RefusedTokenError) else None
    observe(type(error), reason)
    _log_refusal(error, reason)
    response = _problem(address_of(type(error)), error.title, error.status, error.detail, error.extensions)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    answer_challenge(response, error)
    return response


def _of_http(observe: Observer, page: Page, error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # noqa: PLR2004 - a redirect of Flask's
        return error.get_response(request.environ)  # type: ignore[return-value] # werkzeug's, which Flask takes
    known = _BY_STATUS.get(status)
    if known:
        observe(known, None)
    outside = _OUTSIDE.get(status)
    if outside and _is_for_people():
        response = page(outside)
    else:
        kind, title = (address_of(known), known.title) if known else (BLANK, error.name)
        detail = outside.detail if outside else error.description or ""
        response = _problem(kind, title, status, detail, {})
    if outside:
        response.headers.add("Vary", "Accept")
    for name, value in error.get_headers(request.environ):
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _is_for_people() -> bool:
    """Tell whether the client would rather have a page than JSON: a browser's address line, not a program."""
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > max(
        accepted.quality(PROBLEM), accepted.quality("application/json")
    )


def _of_a_bug(observe: Observer, error: Exception) -> Response:
    kind = type(error).__name__
    if (left_out := BUGS.admit(kind)) is not None:
        _log.error("a bug", error=kind, exc_info=error, **_count(left_out))
    observe(ReceiverError, None)
    detail = "This is our fault, not yours. The log has more under this request id."
    status = status_of_a_bug(request.method)
    response = _problem(address_of(ReceiverError), ReceiverError.title, status, detail, {})
    response.headers["Retry-After"] = "10"
    return response


def _log_refusal(error: ReceiverError, reason: Reason | None) -> None:
    is_ours = error.status >= 500  # noqa: PLR2004
    left_out = (ANSWERS if is_ours else REFUSALS).admit((error.type, reason))
    if left_out is not None:
        level = logging.WARNING if is_ours else logging.INFO
        facts = {"reason": reason} if reason else {}
        _log.log(level, "refused", problem=error.type, **facts, **_count(left_out))


def _count(left_out: int) -> dict[str, int]:
    return {"untold": left_out} if left_out else {}


def problem_document(
    kind: str, title: str, status: int, detail: str, *, request_id: str, **extensions: object
) -> bytes:
    """Write a problem document (RFC 9457): its type, title, status and detail, the request's id, further members."""
    document = {"type": kind, "title": title, "status": status, "detail": detail, "requestId": request_id}
    return orjson.dumps({**document, **extensions})


def _problem(kind: str, title: str, status: int, detail: str, extensions: dict[str, object]) -> Response:
    document = problem_document(kind, title, status, detail, request_id=request_id(), **extensions)
    return Response(document, status, content_type=PROBLEM)
