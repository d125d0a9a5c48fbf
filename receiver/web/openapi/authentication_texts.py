"""Authentication of routes: the schemes, and the problems that answer a request without them."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from receiver.errors import (
    ForbiddenError,
    InsufficientScopeError,
    InvalidAPIKeyError,
    InvalidTokenError,
    KeysUnavailableError,
    MissingTokenError,
    NotConfiguredError,
    OverloadedError,
    ReceiverError,
    StoreUnavailableError,
    TenantNotAllowedError,
)
from receiver.web.auth.cookies import HTTPS_NAME

HTML: Final = "text/html; charset=utf-8"
PROBLEM: Final = "application/problem+json"

Requirement: TypeAlias = dict[str, list[str]]
"""An OpenAPI security requirement: the name of a scheme, and the scopes it takes."""

SCHEMES: Final = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of this receiver (`receiver keys` makes one). Its scopes, of `read`, `write` and "
        "`secrets`, decide what it allows.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": HTTPS_NAME,
        "description": "A session of the page; over plain http the cookie's name lacks `__Host-`. It has the scopes of "
        "the API key that started it; changes are accepted only from the receiver's own page.",
    },
    "graphToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token that Microsoft's calling platform signs for the app id of a bot.",
    },
}


@dataclass(frozen=True, slots=True)
class Access:
    """The authentication that a route takes.

    Args:
        security: the accepted ways to authenticate, of which one is enough; empty for a public route.
        problems: the problems of a request that is not authenticated or not allowed.
        problems_as: the media type of these problems.
    """

    security: tuple[Requirement, ...] = ()
    problems: tuple[type[ReceiverError], ...] = ()
    problems_as: str = PROBLEM


def _key(scope: str) -> tuple[Requirement, ...]:
    return {"apiKey": [scope]}, {"session": [scope]}


STORE: Final = (StoreUnavailableError, OverloadedError)
"""The problems of every route that asks the store."""

_REFUSALS: Final = (InvalidAPIKeyError, InsufficientScopeError, *STORE)

PUBLIC: Final = Access()
READ: Final = Access(_key("read"), (*_REFUSALS, NotConfiguredError))
WRITE: Final = Access(_key("write"), (*_REFUSALS, NotConfiguredError, ForbiddenError))
GRAPH: Final = Access(
    ({"graphToken": []},),
    (MissingTokenError, InvalidTokenError, TenantNotAllowedError, NotConfiguredError, KeysUnavailableError),
)
PAGE: Final = Access(_key("read"), _REFUSALS, HTML)
"""A page for clients that have signed in; others get the form to sign in."""
WRITE_PAGE: Final = Access(_key("write"), _REFUSALS, HTML)
"""A page for sessions of a key with the scope `write`."""
FIRST_PAGE: Final = Access(({}, *_key("read")), _REFUSALS, HTML)
"""The start page: a client without a session gets the form to sign in."""
PUBLIC_PAGE: Final = Access(problems_as=HTML)
"""A page without authentication."""
