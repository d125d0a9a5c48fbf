"""The one tree of errors: each knows its problem type, title and HTTP status (RFC 9457).

Code anywhere raises what went wrong; `receiver.web.problems` turns it into an answer. This file knows
nothing of HTTP libraries.
"""

from collections.abc import Mapping
from typing import ClassVar


class ReceiverError(Exception):
    """What went wrong, for the one who asked.

    Args:
        detail: what is wrong here and what to do about it; it leaves the house, so it never holds a secret,
            personal data or a piece of the input.
        retry_after: seconds after which another try makes sense, where it does.
        extensions: further members of the problem document.
    """

    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "The receiver failed"
    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str,
        *,
        retry_after: int | None = None,
        extensions: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.extensions = dict(extensions or {})


class BadRequestError(ReceiverError):
    """The request itself is not understood."""

    type = "invalid-request"
    title = "The request is not valid"
    status = 400


class InvalidJSONError(BadRequestError):
    """The body is not JSON."""

    type = "invalid-json"
    title = "The body is not JSON"


class InvalidEnvelopeError(BadRequestError):
    """The body is JSON, but no collection of notifications."""

    type = "invalid-envelope"
    title = "The body is not a collection of notifications"


class InvalidOperationError(BadRequestError):
    """The body of a PUT is no operation."""

    type = "invalid-operation"
    title = "The body is not a call operation"


class UnauthenticatedError(ReceiverError):
    """Nobody we know is speaking."""

    type = "unauthenticated"
    title = "Authentication is needed"
    status = 401


class MissingTokenError(UnauthenticatedError):
    """There is no bearer token."""

    type = "missing-token"
    title = "A bearer token is needed"


class InvalidTokenError(UnauthenticatedError):
    """The bearer token is not to be believed."""

    type = "invalid-token"
    title = "The bearer token is not valid"


class InvalidAPIKeyError(UnauthenticatedError):
    """The API key is missing or unknown."""

    type = "invalid-api-key"
    title = "A known API key is needed"


class ForbiddenError(ReceiverError):
    """Somebody we know asks for what is not his."""

    type = "forbidden"
    title = "This is not allowed"
    status = 403


class TenantNotAllowedError(ForbiddenError):
    """The token is good, its tenant is not on the list."""

    type = "tenant-not-allowed"
    title = "This tenant is not allowed"


class InsufficientScopeError(ForbiddenError):
    """The API key lacks the scope."""

    type = "insufficient-scope"
    title = "The API key lacks a scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a key with the scope `{scope}`.")
        self.scope = scope


class NotFoundError(ReceiverError):
    """There is nothing under this address."""

    type = "not-found"
    title = "Not found"
    status = 404


class UnknownAppError(NotFoundError):
    """The callback names an app id that is not set."""

    type = "unknown-app"
    title = "This app id is not set"


class OperationNotFoundError(NotFoundError):
    """No update of this operation has come, or it has been deleted."""

    type = "operation-not-found"
    title = "This operation is not known"


class CallNotFoundError(NotFoundError):
    """No update of this call has come, or it has been deleted."""

    type = "call-not-found"
    title = "This call is not known"


class QuarantineEntryNotFoundError(NotFoundError):
    """The quarantine holds no such entry."""

    type = "quarantine-entry-not-found"
    title = "This quarantine entry is not known"


class MethodNotAllowedError(ReceiverError):
    """The route exists, but not with this method."""

    type = "method-not-allowed"
    title = "This method is not allowed here"
    status = 405


class RequestTimeoutError(ReceiverError):
    """The body did not arrive in time."""

    type = "request-timeout"
    title = "The body came too late"
    status = 408


class StillUnreadableError(ReceiverError):
    """A replayed item still can't be read."""

    type = "still-unreadable"
    title = "The item still can't be read"
    status = 409


class PreconditionFailedError(ReceiverError):
    """A condition of the request, `If-Match` or `If-None-Match`, is false; nothing has changed."""

    type = "precondition-failed"
    title = "A condition of the request is false"
    status = 412


class PayloadTooLargeError(ReceiverError):
    """The body is over the limit."""

    type = "payload-too-large"
    title = "The body is too large"
    status = 413


class UnsupportedMediaTypeError(ReceiverError):
    """The body is of a type, or in an encoding, that we don't read."""

    type = "unsupported-media-type"
    title = "This kind of body is not read"
    status = 415


class URITooLongError(ReceiverError):
    """The address is longer than any of ours."""

    type = "uri-too-long"
    title = "The address is too long"
    status = 414


class HeadersTooLargeError(ReceiverError):
    """There are too many headers, or one is too long."""

    type = "headers-too-large"
    title = "The headers are too large"
    status = 431


class UnsupportedTransferCodingError(ReceiverError):
    """The body is transferred in a way that we don't read."""

    type = "unsupported-transfer-coding"
    title = "This way to transfer a body is not read"
    status = 501


class TooManyAttemptsError(ReceiverError):
    """There were more than ten attempts of this client to sign in within a minute, or a hundred of all together."""

    type = "too-many-tries"
    title = "Too many tries"
    status = 429


class UnavailableError(ReceiverError):
    """We can't do it now; the fault is ours, and another try makes sense."""

    type = "unavailable"
    title = "The receiver can't do this now"
    status = 503

    def __init__(
        self, detail: str, *, retry_after: int = 2, extensions: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(detail, retry_after=retry_after, extensions=extensions)


class NotConfiguredError(UnavailableError):
    """A setting is missing."""

    type = "not-configured"
    title = "A setting is missing"


class KeysUnavailableError(UnavailableError):
    """The signing keys, or those of now, could not be had, so this token can't be judged."""

    type = "keys-unavailable"
    title = "The signing keys can't be reached"


class TooManyWaitingError(UnavailableError):
    """As many wait and stream in this process as may."""

    type = "too-many-waiting"
    title = "Too many are waiting"


class StoreUnavailableError(UnavailableError):
    """The store did not take it, or did not answer, in time."""

    type = "store-unavailable"
    title = "The store did not take it, or did not answer"


class OverloadedError(StoreUnavailableError):
    """More is under way in this process than can be done in time."""

    type = "overloaded"
    title = "Too much is under way"

    def __init__(self) -> None:
        super().__init__("More is under way here than can be done in time. Try again soon.")


class NotPermittedError(StoreUnavailableError):
    """The store's user may not run a command, or the server does not offer it."""


class WriteRefusedError(StoreUnavailableError):
    """The store works, but can't merge this one write with what it holds."""
