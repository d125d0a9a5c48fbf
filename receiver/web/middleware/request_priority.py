"""The priority of a request: which requests get a slot first when requests have to wait.

It is derived from the request line and the headers, before any work is done for the request.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final

_CALLBACK: Final = "/callback"
_NOTIFICATIONS: Final = ("/callback", "/notifications")
_HEALTH: Final = frozenset({"/livez", "/readyz", "/metrics"})
_PUBLIC: Final = ("/docs", "/openapi.json", "/static/", "/problems/")


class Priority(IntEnum):
    """The priorities, the highest one first."""

    VERIFIED_NOTIFICATION = 0
    """A call notification with a token that has been verified before."""
    NOTIFICATION = 1
    """A notification that may come from Graph: its token is not verified yet, or its clientState not read."""
    HEALTH = 2
    """A probe of the platform, which restarts a process that does not answer."""
    CLIENT = 3
    """A client with an API key or a session."""
    PUBLIC = 4
    """An unauthenticated client: it gets public pages, or a rejection."""


class PriorityClassifier:
    """Classifies requests.

    Args:
        knows_token: returns whether the token of an `Authorization` header has been verified before.
        knows_key: returns whether the API key of an `Authorization` header is known.
    """

    def __init__(self, knows_token: Callable[[str], bool], knows_key: Callable[[str], bool]) -> None:
        self._knows_token = knows_token
        self._knows_key = knows_key

    def classify(self, method: str, path: str, authorization: str | None, *, has_cookie: bool) -> Priority:
        """Return the priority of a request.

        Args:
            method: from the request line.
            path: from the request line, without the query.
            authorization: the header's value.
            has_cookie: whether there is a cookie; only the store knows whether it names a session.
        """
        if method == "POST" and path.startswith(_NOTIFICATIONS):
            is_known = path.startswith(_CALLBACK) and authorization and self._knows_token(authorization)
            return Priority.VERIFIED_NOTIFICATION if is_known else Priority.NOTIFICATION
        if path in _HEALTH:
            return Priority.HEALTH
        if path.startswith(_PUBLIC):
            return Priority.PUBLIC
        is_client = self._knows_key(authorization) if authorization else has_cookie
        return Priority.CLIENT if is_client else Priority.PUBLIC
