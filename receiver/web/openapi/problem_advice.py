"""What to do about each problem, for `/problems/<type>`; the docstring of the error says what is wrong."""

from typing import Final

from receiver import errors
from receiver.graph.schemas import MAX_CLIENT_CONTEXT

ADVICE: Final[dict[type[errors.ReceiverError], str]] = {
    errors.ReceiverError: "This is a bug of the receiver. Look for the request id in its log.",
    errors.BadRequestError: "`detail` says what is wrong; `errors`, if present, names the query argument.",
    errors.InvalidJSONError: "Send JSON as RFC 8259 has it, in UTF-8.",
    errors.InvalidEnvelopeError: "Send a JSON object with a list `value`, as Graph does.",
    errors.InvalidOperationError: "Send the HTTP response of the action that started the operation, as it "
    "came, or `{}`.",
    errors.UnauthenticatedError: "Send the key or token that the route takes in the header `Authorization`.",
    errors.MissingTokenError: "This route takes posts of Microsoft's calling platform only. It signs a "
    "token for the app id of your bot and sends it as `Authorization: Bearer <token>`.",
    errors.InvalidTokenError: "The log has the reason, under the request id. Often the bot's app id is "
    "missing in `RECEIVER_APP_IDS`, or the clock of the receiver's machine is wrong.",
    errors.InvalidAPIKeyError: "Send `Authorization: Bearer <key>`, with a key whose entry is in "
    "`RECEIVER_API_KEYS`; `receiver keys` makes both.",
    errors.ForbiddenError: "With a session, changes are accepted only from the receiver's own page. "
    "Elsewhere, send an API key.",
    errors.TenantNotAllowedError: "Add the tenant to `RECEIVER_TENANTS`, or leave it empty to accept every "
    "tenant.",
    errors.InsufficientScopeError: "Make a key with the scope that `detail` names, with `receiver keys`.",
    errors.NotFoundError: "`/docs` shows every route.",
    errors.UnknownAppError: "Add the app id to `RECEIVER_APP_IDS`, or correct the callback URL that your "
    "app gave Graph.",
    errors.OperationNotFoundError: "The notification may still come: wait for it with `?wait=20`. If it "
    "does not, check that the callback URL that your app gave Graph leads to this receiver, and look into "
    "the quarantine.",
    errors.CallNotFoundError: "A notification of the call may still come: ask again.",
    errors.QuarantineEntryNotFoundError: "`GET /quarantine` lists the entries.",
    errors.MethodNotAllowedError: "The header `Allow` names the methods of this route.",
    errors.RequestTimeoutError: "Send the request again, with its body at once.",
    errors.StillUnreadableError: "It stays in quarantine. Try again with a later version of the receiver.",
    errors.PreconditionFailedError: "Get it again, decide again, and send the `ETag` of that answer as "
    "`If-Match`. A weak tag (`W/…`) never matches `If-Match`; a proxy that compresses makes tags weak, "
    "unless you send `Accept-Encoding: identity`.",
    errors.PayloadTooLargeError: "Send less at a time, or raise `RECEIVER_MAX_BODY_BYTES`.",
    errors.UnsupportedMediaTypeError: "Send `application/json`, without a `Content-Encoding`.",
    errors.URITooLongError: f"A client context has at most {MAX_CLIENT_CONTEXT} characters, and other "
    "parts of an address are shorter.",
    errors.HeadersTooLargeError: "Graph's headers are far smaller: look for a proxy that adds headers, or a "
    "token that is not Graph's.",
    errors.UnsupportedTransferCodingError: "Send the body as it is, or with `Transfer-Encoding: chunked`.",
    errors.TooManyAttemptsError: "Wait for the seconds that `Retry-After` names. Sessions and requests with "
    "an API key are not limited. A browser that has signed in before has attempts of its own, which other "
    "clients do not use up.",
    errors.UnavailableError: "Send the same again after the seconds that `Retry-After` names.",
    errors.NotConfiguredError: "Set what `detail` names, and restart the receiver. `receiver check` reports "
    "settings that are missing.",
    errors.KeysUnavailableError: "Send the same again after the seconds that `Retry-After` names: a token's "
    "key may be newer than the receiver's keys, which it fetches for an unknown one at most once in 30 s. "
    "If the problem stays, `/readyz` says why; check that the receiver reaches the address in "
    "`RECEIVER_METADATA_URL`.",
    errors.TooManyWaitingError: "Ask without `wait`, or later. To let more clients wait, raise "
    "`RECEIVER_MAX_WAITING` or start more workers.",
    errors.StoreUnavailableError: "Send the same again after the seconds that `Retry-After` names. "
    "`/readyz` says what is wrong with the store.",
    errors.OverloadedError: "Send the same again after the seconds that `Retry-After` names. If it happens "
    "often, start more workers (`WEB_CONCURRENCY`) or instances, or check whether the store is slow.",
}
