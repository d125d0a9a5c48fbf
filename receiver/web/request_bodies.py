"""Read the body of a request: uncompressed JSON, up to the limit of RECEIVER_MAX_BODY_BYTES."""

import contextlib
from functools import lru_cache
from typing import Final

from flask import Response, current_app
from werkzeug.exceptions import RequestTimeout
from werkzeug.http import parse_options_header

from receiver.errors import PayloadTooLargeError, UnsupportedMediaTypeError
from receiver.graph.json_codec import JSON, parse
from receiver.server.environ_names import CLOSE_CONNECTION
from receiver.web.middleware.request_context import query_argument, wsgi_environ
from receiver.web.middleware.untrusted_bodies import UntrustedBodies

_JSON: Final = "application/json"

QUARANTINED_BYTES: Final = 1 << 16
"""Bytes of a rejected body that the quarantine stores, from its beginning."""


class RequestBody:
    """The body of this request. Its beginning can be read even if the body is rejected."""

    def __init__(self) -> None:
        self._read = b""

    def read(self) -> bytes:
        """Return the body of a POST or PUT; empty without one.

        Raises:
            UnsupportedMediaTypeError: it is compressed, or its content type is not JSON.
            PayloadTooLargeError: it is larger than the limit.
        """
        environ = wsgi_environ()
        if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            raise UnsupportedMediaTypeError("Send the body uncompressed, without Content-Encoding.")
        if not _is_json(_media_type(environ.get("CONTENT_TYPE", ""))[0]):
            raise UnsupportedMediaTypeError("Send application/json.")
        limit: int = current_app.config["MAX_CONTENT_LENGTH"]
        if int(environ.get("CONTENT_LENGTH") or 0) > limit:
            raise _too_large(limit)
        # The server ends the stream where the body ends, chunked or not; Flask would cut a chunked one silently.
        self._read = environ["wsgi.input"].read(limit + 1)
        if len(self._read) > limit:
            raise _too_large(limit)
        return self._read

    def beginning(self) -> bytes:
        """Return the first bytes of a rejected body, as many as the quarantine stores.

        Empty if the sender still waits for `100 Continue`, since the rejection takes its place. Also empty if the body
        is late: its headers were reason enough to reject it, and that stays the response.
        """
        environ = wsgi_environ()
        if not self._read and "HTTP_EXPECT" not in environ:
            with contextlib.suppress(RequestTimeout):
                self._read = environ["wsgi.input"].read(QUARANTINED_BYTES)
        return self._read[:QUARANTINED_BYTES]


def read_untrusted_body(bodies: UntrustedBodies) -> bytes:
    """Return the body of this request from an unverified sender; see `RequestBody.read`.

    Args:
        bodies: limits the bytes of all such bodies together.
    """
    environ = wsgi_environ()
    with bodies.counting(environ["wsgi.input"], environ.get(CLOSE_CONNECTION, _close_nothing)) as counted:
        environ["wsgi.input"] = counted
        return read_body()


def read_body() -> bytes:
    """Return the body of this request; see `RequestBody.read`."""
    return RequestBody().read()


def read_json(body: bytes) -> JSON:
    """Parse a body by the charset that its content type names.

    Raises:
        InvalidJSONError: it is not JSON.
    """
    return parse(body, _media_type(wsgi_environ().get("CONTENT_TYPE", ""))[1])


def validation_response() -> Response | None:
    """Return the response to a validation request of Graph's; None for any other request.

    Graph sends `POST {url}?validationToken=…` and expects only the decoded token, as plain text:
    https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
    """
    token = query_argument("validationToken")
    return None if token is None else Response(token, content_type="text/plain; charset=utf-8")


@lru_cache(maxsize=64)  # senders send few different ones
def _media_type(content_type: str) -> tuple[str, str | None]:
    """Return the media type, in lower case, and the charset, if there is one."""
    media_type, parameters = parse_options_header(content_type)
    return media_type.lower(), parameters.get("charset")


def _is_json(mimetype: str) -> bool:
    return mimetype in {"", _JSON} or mimetype.endswith("+json")


def _close_nothing() -> None:
    """Close nothing: a request of Flask's test client has no connection."""


def _too_large(limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"Send at most {limit} bytes (RECEIVER_MAX_BODY_BYTES).")
