"""A response serialized without gunicorn and the application, for requests that are refused before both."""

from collections.abc import Iterable
from http import HTTPStatus


def raw_answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return a whole HTTP/1.1 response as bytes (RFC 9112); `headers` must contain the body's length."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
