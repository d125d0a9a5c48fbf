"""The descriptions of response headers, by name."""

from collections.abc import Iterable
from typing import Any, Final

HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {
        "description": "The version. Send it as `If-None-Match` to get 304 while it is the same, or as `If-Match` "
        "to change only this version. Counters (`notifications`, `duplicates`, `others`) do not change it.",
        "schema": {"type": "string", "pattern": '^(W/)?"[^"]*"$'},
    },
    "Retry-After": {
        "description": "Seconds until the next request makes sense.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "Preference-Applied": {
        "description": "The preference that was applied (RFC 7240).",
        "schema": {"type": "string", "pattern": "^wait=[0-9]+$"},
    },
    "Link": {
        "description": 'The next page (RFC 8288), as `<path>; rel="next"`; absent on the last one.',
        "schema": {"type": "string", "pattern": '^<[^>]+>; rel="next"$'},
    },
    "Location": {
        "description": "The address of the new resource, or the next address.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "WWW-Authenticate": {
        "description": "The authentication that the route takes, and what is wrong with a bearer token that was sent "
        "(RFC 6750).",
        "schema": {
            "type": "string",
            "pattern": '^Bearer realm="receiver"(, error="(invalid_token|insufficient_scope)"(, scope="[a-z]+")?)?$',
        },
    },
    "Set-Cookie": {
        "description": "Starts or ends the session.",
        "schema": {"type": "string"},
    },
    "client-request-id": {
        "description": "Graph's own id of this request (`X-Microsoft-Skype-Message-ID`), where it sent one.",
        "schema": {"type": "string"},
    },
}


def described_headers(always: Iterable[str], sometimes: Iterable[str]) -> dict[str, Any]:
    """Return the descriptions of headers, by name.

    Args:
        always: the names of those that the answer has.
        sometimes: those that it may have.
    """
    return {name: {**HEADERS[name], "required": True} for name in always} | {
        name: HEADERS[name] for name in sometimes
    }
