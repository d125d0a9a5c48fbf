"""Who may ask: the API key of a request."""

from flask import request

from receiver.trust.api_keys import SCOPES, APIKeyRing


class Gate:
    """Lets a request in, or not.

    Args:
        ring: the accepted keys.
        open_to_all: nobody needs a key; only for the demo on a loopback address.
    """

    def __init__(self, ring: APIKeyRing, *, open_to_all: bool) -> None:
        self._ring = ring
        self._open_to_all = open_to_all

    def require(self, scope: str) -> frozenset[str]:
        """Return the scopes of the one who asks.

        Raises:
            NotConfiguredError: no key is set at all.
            InvalidAPIKeyError: there is no key, or it is unknown.
            InsufficientScopeError: the key lacks the scope.
        """
        authorization = request.headers.get("Authorization")
        if self._open_to_all and authorization is None:
            return SCOPES
        return self._ring.authorize(authorization, scope).scopes
