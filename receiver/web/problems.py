"""Errors as answers: every one is `application/problem+json` (RFC 9457), from one place."""

import logging
from typing import Final

import orjson
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from receiver.errors import ReceiverError
from receiver.trust.tokens import RefusedTokenError
from receiver.web.context import request_id

_log: Final = structlog.get_logger("receiver.problems")

_TYPES: Final = {
    400: "invalid-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "payload-too-large",
    415: "unsupported-media-type",
}
"""Problem types of what Flask itself finds wrong."""


def register_problems(app: Flask) -> None:
    """Answer every error of the app with a problem document."""
    app.register_error_handler(ReceiverError, _of_ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_a_bug)


def _of_ours(error: ReceiverError) -> Response:
    level = logging.WARNING if error.status >= 500 else logging.INFO  # noqa: PLR2004
    reason = error.reason if isinstance(error, RefusedTokenError) else None
    _log.log(level, "refused", problem=error.type, **({"reason": reason} if reason else {}))
    response = _problem(error.type, error.title, error.status, error.detail, error.extensions)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:  # noqa: PLR2004
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _of_http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # noqa: PLR2004 - a redirect of Flask's
        return error.get_response(request.environ)  # type: ignore[return-value] # werkzeug's, which Flask takes
    response = _problem(_TYPES.get(status, "http-error"), error.name, status, error.description or "", {})
    for name, value in error.get_headers(request.environ):
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _of_a_bug(error: Exception) -> Response:
    _log.error("a bug", error=type(error).__name__, exc_info=error)
    detail = "This is our fault, not yours. The log has more under this request id."
    # Graph must never take our own fault for a final answer.
    status = 503 if request.method == "POST" else 500
    response = _problem(ReceiverError.type, ReceiverError.title, status, detail, {})
    response.headers["Retry-After"] = "10"
    return response


def _problem(kind: str, title: str, status: int, detail: str, extensions: dict[str, object]) -> Response:
    document = {
        "type": f"/problems/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "requestId": request_id(),
        **extensions,
    }
    return Response(orjson.dumps(document), status, content_type="application/problem+json")
