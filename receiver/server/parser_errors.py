"""Responses to requests that could not be parsed, and so never reach the application.

gunicorn's own response is a page of HTML that quotes what it received, and its log line does too: paths and headers
hold client contexts and tokens. These are like all others of the receiver: a problem document (RFC 9457) with a
request id, and a log line that names only the kind of error.
"""

import json
from typing import Final

from gunicorn.http import errors  # type: ignore[import-untyped]

from receiver.errors import (
    BadRequestError,
    HeadersTooLargeError,
    ReceiverError,
    UnavailableError,
    UnsupportedTransferCodingError,
    URITooLongError,
)
from receiver.server.raw_responses import raw_answer
from receiver.server.security_headers import HARDENING

_INVALID: Final = BadRequestError(
    "The request is not valid HTTP, or can be read in two ways. Send it as RFC 9112 describes."
)
_REFUSALS: Final = {
    errors.LimitRequestLine: URITooLongError("Send a request line of at most 8,190 bytes."),
    errors.LimitRequestHeaders: HeadersTooLargeError("Send at most 64 headers, of at most 8,190 bytes each."),
    errors.UnsupportedTransferCoding: UnsupportedTransferCodingError("Send the body as it is, or chunked."),
}
_SERVER_ERRORS: Final = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
)


def refusal_of(error: BaseException) -> ReceiverError:
    """Return the problem for an error that gunicorn raised: the sender's error, if its parser found it."""
    if isinstance(error, errors.ParseException) and not isinstance(error, _SERVER_ERRORS):
        return _REFUSALS.get(type(error), _INVALID)
    return UnavailableError("The receiver failed while it read the request. Try again soon.")


def answer(refusal: ReceiverError, request_id: str) -> bytes:
    """Return a whole response that ends the connection, since where the next request begins is unknown."""
    document = {
        "type": f"/problems/{refusal.type}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "requestId": request_id,
    }
    body = json.dumps(document).encode()
    headers = (
        ("Connection", "close"),
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("X-Request-ID", request_id),
        *HARDENING,
    )
    return raw_answer(refusal.status, headers, body)
