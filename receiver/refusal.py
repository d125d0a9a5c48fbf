"""What is answered where no request could be read, so that no application ever sees it.

gunicorn's own answer is a page of HTML that quotes what it was sent, and its line in the log does too: paths and
headers hold client contexts and tokens. Ours are like all the others: a problem document (RFC 9457) with an id,
and a line that names only the kind of error.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from gunicorn.http import errors  # type: ignore[import-untyped]

from receiver.hardening import HARDENING


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer: its status, the problem's type, and what to do about it."""

    status: HTTPStatus
    problem: str
    detail: str

    def answer(self, request_id: str) -> bytes:
        """Write the whole answer, after which the connection ends: nobody knows where the next request begins."""
        document = {
            "type": f"/problems/{self.problem}",
            "title": self.status.phrase,
            "status": self.status,
            "detail": self.detail,
            "requestId": request_id,
        }
        body = json.dumps(document).encode()
        headers = (
            ("Connection", "close"),
            ("Content-Type", "application/problem+json"),
            ("Content-Length", len(body)),
            ("X-Request-ID", request_id),
            *HARDENING,
        )
        lines = [
            f"HTTP/1.1 {self.status} {self.status.phrase}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


_INVALID: Final = Refusal(
    HTTPStatus.BAD_REQUEST, "invalid-request", "This is no HTTP request, or one that can be read in two ways."
)
_REFUSALS: Final = {
    errors.LimitRequestLine: Refusal(
        HTTPStatus.REQUEST_URI_TOO_LONG, "uri-too-long", "Send a request line of at most 8,190 bytes."
    ),
    errors.LimitRequestHeaders: Refusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers-too-large",
        "Send at most 64 headers, of at most 8,190 bytes each.",
    ),
    errors.UnsupportedTransferCoding: Refusal(
        HTTPStatus.NOT_IMPLEMENTED, "unsupported-transfer-coding", "Send the body as it is, or chunked."
    ),
    errors.ExpectationFailed: Refusal(
        HTTPStatus.EXPECTATION_FAILED, "invalid-request", "Expect nothing, or 100-continue."
    ),
}
OUR_FAULT: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "internal-error", "This is our fault, not yours. Try again soon."
)

_OURS: Final = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


def refusal_of(error: BaseException) -> Refusal:
    """Return what to answer to an error that gunicorn met: the sender's fault, if its parser found it."""
    if isinstance(error, errors.ParseException) and not isinstance(error, _OURS):
        return _REFUSALS.get(type(error), _INVALID)
    return OUR_FAULT
