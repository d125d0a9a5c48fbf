"""What is answered where no request could be read, so that no application ever sees it.

gunicorn's own answer is a page of HTML that quotes what it was sent, and its line in the log does too: paths and
headers hold client contexts and tokens. Ours are like all the others: a problem document (RFC 9457) with an id,
and a line that names only the kind of error.
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

_INVALID: Final = BadRequestError("This is no HTTP request, or one that can be read in two ways.")
_REFUSALS: Final = {
    errors.LimitRequestLine: URITooLongError("Send a request line of at most 8,190 bytes."),
    errors.LimitRequestHeaders: HeadersTooLargeError("Send at most 64 headers, of at most 8,190 bytes each."),
    errors.UnsupportedTransferCoding: UnsupportedTransferCodingError("Send the body as it is, or chunked."),
}
_OURS: Final = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


def refusal_of(error: BaseException) -> ReceiverError:
    """Return what to answer to an error that gunicorn met: the sender's fault, if its parser found it."""
    if isinstance(error, errors.ParseException) and not isinstance(error, _OURS):
        return _REFUSALS.get(type(error), _INVALID)
    return UnavailableError("This is our fault, not yours. Try again soon.")


def answer(refusal: ReceiverError, request_id: str) -> bytes:
    """Write a whole answer, after which the connection ends: nobody knows where the next request begins."""
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
