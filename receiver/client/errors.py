"""The client's errors: one tree, by what the caller can do about each."""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The request failed: base class of all errors of this client."""


class UnreachableError(ClientError):
    """No response arrived: refused, timed out, cut off, or an unknown host. `wait` and streams retry."""


class MisconfiguredError(UnreachableError):
    """The connection can't succeed with this address or certificate, however often it is retried.

    The receiver's certificate is not trusted or not valid, or the address has the wrong scheme. `wait` and streams
    raise it at once.
    """


class UnexpectedAnswerError(ClientError):
    """The response is not a receiver's, or of another version, or about another client context."""


class ProblemError(ClientError):
    """The receiver refused the request, with a problem document (RFC 9457).

    Attributes:
        status: the HTTP status.
        type: the problem's type, such as `/problems/invalid-request`; empty if an intermediary responded, such as
            a platform's router.
        title: the kind of problem.
        detail: what is wrong, and what to do about it.
        request_id: the id under which the receiver's log has more.
        retry_after: seconds after which a retry makes sense; None if the response doesn't say.
        document: the whole problem document.
    """

    def __init__(self, status: int, document: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.type = str(document.get("type", ""))
        self.title = str(document.get("title", ""))
        self.detail = str(document.get("detail", ""))
        self.request_id = str(document.get("requestId", ""))
        self.retry_after = retry_after
        self.document = dict(document)
        super().__init__(status, document, retry_after)  # the arguments from which pickle recreates it

    def __str__(self) -> str:
        """Return status, title and detail."""
        return f"{self.status} {': '.join(filter(None, (self.title, self.detail)))}".strip()


class NotAllowedError(ProblemError):
    """The API key is missing or unknown (401), or lacks a scope (403)."""


class UnavailableError(ProblemError):
    """The receiver can't serve the request now (429, 5xx); a later retry makes sense."""


def problem(status: int, document: Mapping[str, Any], retry_after: float | None) -> ProblemError:
    """Return the error for a response by its HTTP status."""
    if status in {401, 403}:
        return NotAllowedError(status, document, retry_after)
    if status == 429 or status >= 500:  # noqa: PLR2004
        return UnavailableError(status, document, retry_after)
    return ProblemError(status, document, retry_after)
