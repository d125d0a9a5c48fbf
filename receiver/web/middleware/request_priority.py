"""The rank of a request: whose turn comes first when requests have to wait.

It is judged by the request's line and headers, before any work is spent on it.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final

_CALLBACK: Final = "/callback"
_NOTIFICATIONS: Final = ("/callback", "/notifications")
_HEALTH: Final = frozenset({"/livez", "/readyz", "/metrics"})
_PUBLIC: Final = ("/docs", "/openapi.json", "/static/", "/problems/")


class Rank(IntEnum):
    """Ranks, the first ones first."""

    KNOWN = 0
    """A call notification with a token that was found good before."""
    GRAPH = 1
    """What may come from Graph: its token is not verified yet, or its clientState not read."""
    HEALTH = 2
    """A probe of the platform, which restarts a process that does not answer."""
    CLIENT = 3
    """A client with a key or a session."""
    PUBLIC = 4
    """A client without either: public pages, or a refusal."""


class Ranks:
    """Tells the rank of a request.

    Args:
        knows_token: whether the token of an `Authorization` header was found good before.
        knows_key: whether the API key of an `Authorization` header is known.
    """

    def __init__(self, knows_token: Callable[[str], bool], knows_key: Callable[[str], bool]) -> None:
        self._knows_token = knows_token
        self._knows_key = knows_key

    def of(self, method: str, path: str, authorization: str | None, *, has_cookie: bool) -> Rank:
        """Return the rank of a request.

        Args:
            method: as in the request line.
            path: the same, without the query.
            authorization: the header.
            has_cookie: whether there is one, of which only the store knows whether it is good.
        """
        if method == "POST" and path.startswith(_NOTIFICATIONS):
            is_known = path.startswith(_CALLBACK) and authorization and self._knows_token(authorization)
            return Rank.KNOWN if is_known else Rank.GRAPH
        if path in _HEALTH:
            return Rank.HEALTH
        if path.startswith(_PUBLIC):
            return Rank.PUBLIC
        is_client = self._knows_key(authorization) if authorization else has_cookie
        return Rank.CLIENT if is_client else Rank.PUBLIC
