"""The one tree of errors: each class has its problem type, title and HTTP status (RFC 9457).

Any room raises them; `receiver.web.problems` turns them into answers. This file knows no HTTP library.
"""

from collections.abc import Mapping
from typing import ClassVar


class ReceiverError(Exception):
    """The receiver failed because of a bug.

    Args:
        detail: what happened, which limit or setting is the reason, and what to do. Clients see it, so it never
            holds a secret, personal data or a piece of the input.
        retry_after: seconds after which a client may try again; None where it makes no difference.
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
    """The request is not valid."""

    type = "invalid-request"
    title = "The request is not valid"
    status = 400


class InvalidJSONError(BadRequestError):
    """The body is not JSON."""

    type = "invalid-json"
    title = "The body is not JSON"


class InvalidEnvelopeError(BadRequestError):
    """The body is JSON, but not a collection of notifications."""

    type = "invalid-envelope"
    title = "The body is not a collection of notifications"


class InvalidOperationError(BadRequestError):
    """The body of a PUT is not an operation."""

    type = "invalid-operation"
    title = "The body is not a call operation"


class UnauthenticatedError(ReceiverError):
    """The request has no valid authentication."""

    type = "unauthenticated"
    title = "Authentication is needed"
    status = 401


class MissingTokenError(UnauthenticatedError):
    """The request has no bearer token."""

    type = "missing-token"
    title = "A bearer token is needed"


class InvalidTokenError(UnauthenticatedError):
    """The bearer token could not be verified."""

    type = "invalid-token"
    title = "The bearer token is not valid"


class InvalidAPIKeyError(UnauthenticatedError):
    """The API key is missing or unknown."""

    type = "invalid-api-key"
    title = "A known API key is needed"


class ForbiddenError(ReceiverError):
    """The request is authenticated, and not allowed."""

    type = "forbidden"
    title = "This is not allowed"
    status = 403


class TenantNotAllowedError(ForbiddenError):
    """The token is valid, but its tenant is not in `RECEIVER_TENANTS`."""

    type = "tenant-not-allowed"
    title = "This tenant is not allowed"


class InsufficientScopeError(ForbiddenError):
    """The API key lacks the scope that the route needs."""

    type = "insufficient-scope"
    title = "The API key lacks a scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs an API key with the scope `{scope}`.")
        self.scope = scope


class NotFoundError(ReceiverError):
    """The address does not exist."""

    type = "not-found"
    title = "Not found"
    status = 404


class UnknownAppError(NotFoundError):
    """The callback's address has an app id that is not in `RECEIVER_APP_IDS`."""

    type = "unknown-app"
    title = "This app id is not set"


class OperationNotFoundError(NotFoundError):
    """The receiver has no update of this operation, or it has been deleted."""

    type = "operation-not-found"
    title = "This operation is not known"


class CallNotFoundError(NotFoundError):
    """The receiver has no update of this call, or it has been deleted."""

    type = "call-not-found"
    title = "This call is not known"


class QuarantineEntryNotFoundError(NotFoundError):
    """The quarantine has no entry with this id."""

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
    """A replayed item still can't be parsed."""

    type = "still-unreadable"
    title = "The item still can't be parsed"
    status = 409


class PreconditionFailedError(ReceiverError):
    """A condition of the request, `If-Match` or `If-None-Match`, is false; nothing was changed."""

    type = "precondition-failed"
    title = "A condition of the request is false"
    status = 412


class PayloadTooLargeError(ReceiverError):
    """The body is larger than `RECEIVER_MAX_BODY_BYTES`."""

    type = "payload-too-large"
    title = "The body is too large"
    status = 413


class UnsupportedMediaTypeError(ReceiverError):
    """The body has a media type or an encoding that the route does not take."""

    type = "unsupported-media-type"
    title = "The media type is not supported"
    status = 415


class URITooLongError(ReceiverError):
    """The address is longer than that of any route."""

    type = "uri-too-long"
    title = "The address is too long"
    status = 414


class HeadersTooLargeError(ReceiverError):
    """The request has too many headers, or one is too long."""

    type = "headers-too-large"
    title = "The headers are too large"
    status = 431


class UnsupportedTransferCodingError(ReceiverError):
    """The body has a transfer coding that is not supported."""

    type = "unsupported-transfer-coding"
    title = "The transfer coding is not supported"
    status = 501


class TooManyAttemptsError(ReceiverError):
    """This client, or all clients together, tried to sign in too often within a minute."""

    type = "too-many-tries"
    title = "Too many attempts to sign in"
    status = 429


class UnavailableError(ReceiverError):
    """The receiver can't do this now, through no fault of the request; try again."""

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
    """The signing keys, or the present ones, could not be fetched, so the token can't be verified."""

    type = "keys-unavailable"
    title = "The signing keys are not available"


class TooManyWaitingError(UnavailableError):
    """As many clients wait and stream in this process as `RECEIVER_MAX_WAITING` allows."""

    type = "too-many-waiting"
    title = "Too many clients are waiting"


class StoreUnavailableError(UnavailableError):
    """The store did not accept the request, or did not answer in time."""

    type = "store-unavailable"
    title = "The store is not available"


class OverloadedError(StoreUnavailableError):
    """This process has more requests than it can answer in time."""

    type = "overloaded"
    title = "The receiver is overloaded"

    def __init__(self) -> None:
        super().__init__(
            "This process has more requests than it can answer in time. Try again after `Retry-After`."
        )


class NotPermittedError(StoreUnavailableError):
    """The store's user may not run a command, or the server does not offer it."""


class WriteRefusedError(StoreUnavailableError):
    """The store works, but can't merge this write with the record that it holds."""
