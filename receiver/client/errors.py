"""What may go wrong when a receiver is asked: one tree, by what the caller can do about it."""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The receiver did not answer as asked."""


class UnreachableError(ClientError):
    """No answer came: refused, timed out, cut, an unknown host. `wait` and a stream try again."""


class MisconfiguredError(UnreachableError):
    """No connection can be made with this address or certificate, however often it is tried.

    The receiver's certificate is not trusted or not valid, or the address has the wrong scheme. `wait` and a
    stream raise it at once.
    """


class UnexpectedAnswerError(ClientError):
    """What answers is not a receiver, or one of another version, or the answer is about something else."""


class ProblemError(ClientError):
    """The receiver says what is wrong, in a problem document (RFC 9457).

    Attributes:
        status: the HTTP status.
        type: the problem's type, such as `/problems/invalid-request`; empty where something between us and the
            receiver answers, such as a platform's router.
        title: what kind of problem it is.
        detail: what is wrong here, and what to do about it.
        request_id: under which the receiver's log has more.
        retry_after: seconds after which another try makes sense; None where the answer doesn't say.
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
        super().__init__(status, document, retry_after)  # what it is made of again, in another process

    def __str__(self) -> str:
        """Return status, title and detail."""
        return f"{self.status} {': '.join(filter(None, (self.title, self.detail)))}".strip()


class NotAllowedError(ProblemError):
    """The API key is missing or unknown (401), or lacks a scope (403)."""


class UnavailableError(ProblemError):
    """The receiver can't do it now (429, 5xx); another try later makes sense."""


def problem(status: int, document: Mapping[str, Any], retry_after: float | None) -> ProblemError:
    """Make the error of an answer by its HTTP status."""
    if status in {401, 403}:
        return NotAllowedError(status, document, retry_after)
    if status == 429 or status >= 500:  # noqa: PLR2004
        return UnavailableError(status, document, retry_after)
    return ProblemError(status, document, retry_after)
