"""The challenge in a response to an unauthorized request: `WWW-Authenticate` (RFC 6750, 3).

It names an error only if the request has a bearer token (3.1): clients drop their token at `invalid_token`, and those
without one have nothing to drop.
"""

from typing import Final

from flask import Response

from receiver.errors import InsufficientScopeError, ReceiverError, TenantNotAllowedError, UnauthenticatedError
from receiver.web.middleware.request_context import wsgi_environ

_BEARER: Final = 'Bearer realm="receiver"'


def add_challenge(response: Response, error: type[ReceiverError] | ReceiverError) -> None:
    """Add the challenge to the response to an error: the authentication of the route, and the token's fault.

    Args:
        response: the response to the error.
        error: the error, or its type.
    """
    kind = error if isinstance(error, type) else type(error)
    if issubclass(kind, UnauthenticatedError):
        fault = ', error="invalid_token"' if _has_token() else ""
        response.headers["WWW-Authenticate"] = _BEARER + fault
    elif issubclass(kind, (InsufficientScopeError, TenantNotAllowedError)) and _has_token():
        scope = f', scope="{error.scope}"' if isinstance(error, InsufficientScopeError) else ""
        response.headers["WWW-Authenticate"] = f'{_BEARER}, error="insufficient_scope"{scope}'


def _has_token() -> bool:
    scheme, _, token = wsgi_environ().get("HTTP_AUTHORIZATION", "").partition(" ")
    return scheme.lower() == "bearer" and bool(token.strip())
