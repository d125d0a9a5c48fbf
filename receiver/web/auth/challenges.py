"""The challenge of a refusal: `WWW-Authenticate` (RFC 6750, 3).

It names an error only where a bearer token came with the request (3.1): clients that get `invalid_token` drop their
token, and those that sent none have nothing to drop.
"""

from typing import Final

from flask import Response

from receiver.errors import InsufficientScopeError, ReceiverError, TenantNotAllowedError, UnauthenticatedError
from receiver.web.middleware.request_context import wsgi_environ

_BEARER: Final = 'Bearer realm="receiver"'


def answer_challenge(response: Response, error: type[ReceiverError] | ReceiverError) -> None:
    """Say in the answer to an error which authentication the route takes, and what is wrong with the token sent.

    Args:
        response: the answer.
        error: what went wrong, or its type.
    """
    kind = error if isinstance(error, type) else type(error)
    if issubclass(kind, UnauthenticatedError):
        wrong = ', error="invalid_token"' if _is_token_sent() else ""
        response.headers["WWW-Authenticate"] = _BEARER + wrong
    elif issubclass(kind, (InsufficientScopeError, TenantNotAllowedError)) and _is_token_sent():
        scope = f', scope="{error.scope}"' if isinstance(error, InsufficientScopeError) else ""
        response.headers["WWW-Authenticate"] = f'{_BEARER}, error="insufficient_scope"{scope}'


def _is_token_sent() -> bool:
    scheme, _, token = wsgi_environ().get("HTTP_AUTHORIZATION", "").partition(" ")
    return scheme.lower() == "bearer" and bool(token.strip())
