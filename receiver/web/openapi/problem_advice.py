"""What to do about each problem: the second half of what `/problems/<type>` says.

The first half, what is wrong, is the docstring of the error.
"""

from typing import Final

from receiver import errors

ADVICE: Final[dict[type[errors.ReceiverError], str]] = {
    errors.ReceiverError: "This is a bug of the receiver. Its log has more under the request id.",
    errors.BadRequestError: "`detail` says what is wrong; `errors`, where it is there, with which query argument.",
    errors.InvalidJSONError: "Send JSON as RFC 8259 has it, in UTF-8.",
    errors.InvalidEnvelopeError: "Send a JSON object with a list `value`, as Graph does.",
    errors.InvalidOperationError: "Send the HTTP response of the action that started the operation, as it came, "
    "or `{}`.",
    errors.UnauthenticatedError: "Send what the route asks for in the header `Authorization`.",
    errors.MissingTokenError: "Only Microsoft's calling platform is to post here. It signs a token for the app id of "
    "your bot and sends it as `Authorization: Bearer <token>`.",
    errors.InvalidTokenError: "The log says why, under the request id. Often the bot's app id is missing in "
    "`RECEIVER_APP_IDS`, or the clock of the receiver's machine is wrong.",
    errors.InvalidAPIKeyError: "Send `Authorization: Bearer <key>`, with a key whose entry stands in "
    "`RECEIVER_API_KEYS`; `receiver keys` makes both.",
    errors.ForbiddenError: "With a session, only the receiver's own page may change something. Anybody else sends an "
    "API key.",
    errors.TenantNotAllowedError: "Add the tenant to `RECEIVER_TENANTS`, or leave that empty to take every tenant.",
    errors.InsufficientScopeError: "Make a key with the scope that `detail` names, with `receiver keys`.",
    errors.NotFoundError: "`/docs` shows every route.",
    errors.UnknownAppError: "Add the app id to `RECEIVER_APP_IDS`, or correct the callback URL that Graph was told.",
    errors.OperationNotFoundError: "News may be on its way: wait for it with `?wait=20`. If it never comes, see "
    "whether the callback URL that Graph was told leads to this receiver, and look into the quarantine.",
    errors.CallNotFoundError: "News may be on its way: ask again.",
    errors.QuarantineEntryNotFoundError: "`GET /quarantine` lists those that there are.",
    errors.MethodNotAllowedError: "The header `Allow` names the methods of this route.",
    errors.RequestTimeoutError: "Send it again.",
    errors.StillUnreadableError: "It stays in quarantine. Try again with a later version of the receiver.",
    errors.PreconditionFailedError: "Get it again, decide again, and send the `ETag` of that answer as `If-Match`. A "
    "weak tag (`W/…`) never matches `If-Match`; a proxy that compresses makes ours weak, unless you ask with "
    "`Accept-Encoding: identity`.",
    errors.PayloadTooLargeError: "Send less at a time, or raise `RECEIVER_MAX_BODY_BYTES`.",
    errors.UnsupportedMediaTypeError: "Send `application/json`, without a `Content-Encoding`.",
    errors.URITooLongError: "A client context has at most 256 characters, and no other part of an address is as long.",
    errors.HeadersTooLargeError: "Graph's headers are far smaller: the token is none, or something between adds.",
    errors.UnsupportedTransferCodingError: "Send the body as it is, or with `Transfer-Encoding: chunked`.",
    errors.TooManyAttemptsError: "Wait for the seconds that `Retry-After` names. Sessions go on, and requests with an "
    "API key are answered. A browser that has signed in before has attempts of its own, which no other client uses up.",
    errors.UnavailableError: "Send the same again after the seconds that `Retry-After` names.",
    errors.NotConfiguredError: "Set what `detail` names, and start the receiver again. `receiver check` says whether "
    "all is there.",
    errors.KeysUnavailableError: "Send the same again after the seconds that `Retry-After` names: a token's key may be "
    "newer than the keys here, which are fetched for an unknown one once in 30 s. Where it stays, `/readyz` says why; "
    "see whether the receiver reaches the address in `RECEIVER_METADATA_URL`.",
    errors.TooManyWaitingError: "Ask without waiting, or later. More workers, or a higher `RECEIVER_MAX_WAITING`, let "
    "more wait.",
    errors.StoreUnavailableError: "Send the same again after the seconds that `Retry-After` names. `/readyz` says what "
    "is wrong with the store.",
    errors.OverloadedError: "Send the same again after the seconds that `Retry-After` names. If it happens often, let "
    "more workers (`WEB_CONCURRENCY`) or instances share the work, or see whether the store is slow.",
}
