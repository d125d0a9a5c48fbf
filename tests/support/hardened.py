"""The headers for browsers in every answer, whichever part made it."""

import re
from typing import Protocol

HARDENED = {
    "Content-Security-Policy": r"default-src 'none';.*frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer|same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": r"no-store|(private, )?no-cache(, no-transform)?",
}


class Headers(Protocol):
    """The headers of a response, of any client library."""

    def get(self, name: str, default: str, /) -> str: ...


def soft(headers: Headers) -> list[str]:
    """The hardening headers that are missing, or say something else, or stand twice."""
    return [name for name, value in HARDENED.items() if not re.fullmatch(value, headers.get(name, ""))]
