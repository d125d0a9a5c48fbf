"""Reading a request's body: only plain JSON, only so much."""

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


KEPT_OF_UNREADABLE: Final = 1 << 16
"""Bytes of a body that is refused which the quarantine keeps."""


class RequestBody:
    """The body of this request, of which the beginning can be kept even where it is refused."""

    def __init__(self) -> None:
        self._read = b""

    def read(self) -> bytes:
        """Return the body of a POST or PUT; empty where there is none.

        Raises:
            UnsupportedMediaTypeError: it is compressed, or says that it is not JSON.
            PayloadTooLargeError: it is over the limit.
        """
        given = wsgi_environ()
        if given.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            raise UnsupportedMediaTypeError("Send the body as it is, without Content-Encoding.")
        if not _is_json(_media_type(given.get("CONTENT_TYPE", ""))[0]):
            raise UnsupportedMediaTypeError("Send application/json.")
        limit: int = current_app.config["MAX_CONTENT_LENGTH"]
        if int(given.get("CONTENT_LENGTH") or 0) > limit:
            raise _too_large(limit)
        # The server ends it where the request ends, chunked or not; Flask would cut a chunked one without a word.
        self._read = given["wsgi.input"].read(limit + 1)
        if len(self._read) > limit:
            raise _too_large(limit)
        return self._read

    def beginning(self) -> bytes:
        """Return the first bytes of a body that is refused, as many as the quarantine keeps.

        Empty where the sender still waits for `100 Continue`: the refusal comes instead of it. Also where the body is
        late: its headers were reason enough to refuse it, and that stays the answer.
        """
        given = wsgi_environ()
        if not self._read and "HTTP_EXPECT" not in given:
            with contextlib.suppress(RequestTimeout):
                self._read = given["wsgi.input"].read(KEPT_OF_UNREADABLE)
        return self._read[:KEPT_OF_UNREADABLE]


def read_untrusted_body(bodies: UntrustedBodies) -> bytes:
    """Return the body of this request from an unverified sender; see `RequestBody.read`.

    Args:
        bodies: those of all such requests.
    """
    given = wsgi_environ()
    with bodies.counting(given["wsgi.input"], given.get(CLOSE_CONNECTION, _no_cut)) as counted:
        given["wsgi.input"] = counted
        return read_body()


def read_body() -> bytes:
    """Return the body of this request; see `RequestBody.read`."""
    return RequestBody().read()


def read_json(body: bytes) -> JSON:
    """Parse a body by the charset that its content type names.

    Raises:
        InvalidJSONError: it is no JSON.
    """
    return parse(body, _media_type(wsgi_environ().get("CONTENT_TYPE", ""))[1])


def handshake() -> Response | None:
    """Answer a validation handshake, where this request is one.

    Graph sends `POST {url}?validationToken=…` and wants the decoded token back as plain text, nothing else:
    https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
    """
    token = query_argument("validationToken")
    return None if token is None else Response(token, content_type="text/plain; charset=utf-8")


@lru_cache(maxsize=64)  # senders hardly differ in it
def _media_type(content_type: str) -> tuple[str, str | None]:
    """Return the media type, in lower case, and the charset, if one is named."""
    media_type, parameters = parse_options_header(content_type)
    return media_type.lower(), parameters.get("charset")


def _is_json(mimetype: str) -> bool:
    return mimetype in {"", _JSON} or mimetype.endswith("+json")


def _no_cut() -> None:
    """Cut nothing: there is no connection, only a test's request."""


def _too_large(limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"Send at most {limit} bytes.")
