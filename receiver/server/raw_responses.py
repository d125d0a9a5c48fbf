"""An answer written by hand, where neither gunicorn nor the application writes it."""

from collections.abc import Iterable
from http import HTTPStatus


def raw_answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return a whole answer as it goes over the wire (RFC 9112); its headers say how long its body is."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
