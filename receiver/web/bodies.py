"""Reading a request's body: only plain JSON, only so much."""

from flask import Response, current_app, request

from receiver.errors import PayloadTooLargeError, UnsupportedMediaTypeError
from receiver.graph.json import JSON, parse


def read_body() -> bytes:
    """Return the body of a POST or PUT; empty where there is none.

    Raises:
        UnsupportedMediaTypeError: it is compressed, or says that it is no JSON.
        RequestEntityTooLarge: it says that it is over the limit (Flask's own, turned into a problem).
        PayloadTooLargeError: it is over the limit without saying so.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("Send the body as it is, without Content-Encoding.")
    if request.mimetype not in {"", "application/json"} and not request.mimetype.endswith("+json"):
        raise UnsupportedMediaTypeError("Send application/json.")
    if request.content_length is not None:
        return request.get_data(cache=False)
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    body: bytes = request.environ["wsgi.input"].read(
        limit + 1
    )  # chunked: Flask would cut it at the limit, silently
    if len(body) > limit:
        raise PayloadTooLargeError(f"Send at most {limit} bytes.")
    return body


def read_json(body: bytes) -> JSON:
    """Parse a body by the charset that its content type names.

    Raises:
        InvalidJSONError: it is no JSON.
    """
    return parse(body, request.mimetype_params.get("charset"))


def handshake() -> Response | None:
    """Answer a validation handshake, where this request is one.

    Graph sends `POST {url}?validationToken=…` and wants the decoded token back as plain text, nothing else:
    https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
    """
    token = request.args.get("validationToken")
    return None if token is None else Response(token, content_type="text/plain; charset=utf-8")
