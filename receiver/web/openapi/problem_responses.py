"""Responses with a problem, one for each status, which all routes share as `components/responses`.

The types of problem that a route may answer with stand at the route, as `x-problems`.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from receiver.errors import ReceiverError
from receiver.web.openapi.authentication_texts import HTML, PROBLEM
from receiver.web.openapi.header_descriptions import described_headers
from receiver.web.openapi.response_schemas import ProblemSchema
from receiver.web.problems import BLANK, OF_HTTP, address_of

ANY_PROBLEM: Final = "AnyProblem"
"""The name of the response that any route may give."""

_STATUSES: Final = {
    400: ("BadRequest", "The request is not valid; `detail` says what to send instead."),
    401: ("Unauthorized", "The key or token is missing, or it is not valid."),
    403: ("Forbidden", "The key or token is known, and does not allow this."),
    404: ("NotFound", "The receiver does not know it, or it has been deleted."),
    408: ("RequestTimeout", "The body did not arrive in time."),
    409: ("Conflict", "The present state does not allow this."),
    412: ("PreconditionFailed", "`If-Match` or `If-None-Match` is false, and nothing has changed."),
    413: ("ContentTooLarge", "The body is larger than `RECEIVER_MAX_BODY_BYTES`."),
    415: ("UnsupportedMediaType", "The body has another media type or encoding than the route takes."),
    429: ("TooManyRequests", "Too many requests of this kind; `Retry-After` says when to try again."),
    503: ("ServiceUnavailable", "The receiver cannot do it now; `Retry-After` says when to try again."),
}
"""The name of the response of each status, and what it means."""

_ALWAYS: Final[dict[int, tuple[str, ...]]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_SOMETIMES: Final[dict[int, tuple[str, ...]]] = {HTTPStatus.FORBIDDEN: ("WWW-Authenticate",)}


def response_name(status: int, media_type: str) -> str:
    """Return the name of the response of a status.

    Args:
        status: of the problem.
        media_type: in which the route answers: a page has responses of its own.
    """
    name, _ = _STATUSES[status]
    return name if media_type == PROBLEM else f"{name}Page"


def problem_response(status: int, media_type: str) -> dict[str, Any]:
    """Make the response of a status; arguments as above."""
    # An error before the page's own code runs is a problem document on pages, too.
    media_types = [PROBLEM] if media_type == PROBLEM else [media_type, PROBLEM]
    return {
        "description": _STATUSES[status][1],
        "headers": described_headers(_ALWAYS.get(status, ()), _SOMETIMES.get(status, ())),
        "content": {one: _content(one) for one in media_types},
    }


def any_problem() -> dict[str, Any]:
    """Make the response that any route may give: errors of HTTP itself, and bugs."""
    return {
        "description": "An error that any request may get. For an unknown address, a browser gets a page.",
        "content": {PROBLEM: _content(PROBLEM), HTML: _content(HTML)},
        "x-problems": [*addresses((*OF_HTTP, ReceiverError)), BLANK],
    }


def addresses(errors: Iterable[type[ReceiverError]]) -> list[str]:
    """Return the `type` of each problem."""
    return sorted({address_of(error) for error in errors})


def _content(media_type: str) -> dict[str, Any]:
    return {"schema": ProblemSchema if media_type == PROBLEM else {"type": "string"}}
