"""The kinds of tokens that a sender may use: Graph's valid ones, and forgeries that a receiver must refuse."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Final

import jwt

from receiver.simulator.issuer import Issuer, sign
from receiver.simulator.signing_key import JSONObject, SigningKey

_OTHER_APP: Final = "99999999-9999-4999-8999-999999999999"
_HOUR: Final = 3600


class TokenKind(StrEnum):
    """The kind of a token."""

    VALID = "valid"
    ROTATED_KEY = "rotated-key"
    """Valid, signed by a key that the receiver has not seen yet."""
    UNSIGNED = "unsigned"
    EXPIRED = "expired"
    OTHER_AUDIENCE = "other-audience"
    OTHER_ISSUER = "other-issuer"
    PUBLIC_KEY_AS_SECRET = "public-key-as-secret"  # noqa: S105  # a name, not a secret
    """HS256, with the issuer's public key as the shared secret."""
    FOREIGN_KEY = "stranger"
    """Signed by another key, under the issuer's key id."""

    @property
    def expected_statuses(self) -> frozenset[int]:
        """The right statuses: 202, or 204 to the old Skype format; 401 to a forgery."""
        valid = self in {TokenKind.VALID, TokenKind.ROTATED_KEY}
        return frozenset({202, 204} if valid else {401})


def valid_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Return a token like Graph's."""
    return issuer.token(audience=audience, tenant_id=tenant_id)


def rotated_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Rotate the issuer's key, and return a token signed by the new one."""
    issuer.rotate()
    return valid_token(issuer, audience, tenant_id)


def unsigned_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Return a token with the algorithm `none`."""
    claims = issuer.claims(audience=audience, tenant_id=tenant_id)
    return jwt.encode(claims, "", algorithm="none", headers={"kid": issuer.key.kid})


def expired_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Return a token that expired an hour ago, far beyond any allowed clock skew."""
    claims = issuer.claims(audience=audience, tenant_id=tenant_id)
    before = _time(claims, "nbf") - 2 * _HOUR
    return issuer.token(
        audience=audience, tenant_id=tenant_id, not_before=before, lifetime=timedelta(hours=1)
    )


def other_audience_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Return a valid token for another app, as a meeting token from a call's body would be."""
    return issuer.token(audience=_other_than(audience), tenant_id=tenant_id)


def other_issuer_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Return a token with an issuer other than Graph's."""
    return issuer.token(audience=audience, tenant_id=tenant_id, issuer="https://issuer.example")


def public_key_as_secret_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Return an HS256 token with the public key as secret, which a verifier accepts if it trusts the token's `alg`.

    Built without PyJWT, which refuses to make one.
    """
    header: JSONObject = {"alg": "HS256", "typ": "JWT", "kid": issuer.key.kid}
    claims = issuer.claims(audience=audience, tenant_id=tenant_id)
    message = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    signature = hmac.digest(issuer.key.public_pem(), message.encode(), hashlib.sha256)
    return f"{message}.{_part(signature)}"


def foreign_key_token(issuer: Issuer, audience: str, tenant_id: str) -> str:
    """Return a token with the issuer's key id, signed by another key."""
    claims = issuer.claims(audience=audience, tenant_id=tenant_id)
    return sign(claims, SigningKey.generate(), issuer.key.kid)


MAKERS: Final[dict[TokenKind, Callable[[Issuer, str, str], str]]] = {
    TokenKind.VALID: valid_token,
    TokenKind.ROTATED_KEY: rotated_token,
    TokenKind.UNSIGNED: unsigned_token,
    TokenKind.EXPIRED: expired_token,
    TokenKind.OTHER_AUDIENCE: other_audience_token,
    TokenKind.OTHER_ISSUER: other_issuer_token,
    TokenKind.PUBLIC_KEY_AS_SECRET: public_key_as_secret_token,
    TokenKind.FOREIGN_KEY: foreign_key_token,
}
"""Functions that return a token of each kind, given issuer, audience and tenant id."""


def _other_than(audience: str) -> str:
    return _OTHER_APP if audience != _OTHER_APP else _OTHER_APP.replace("9", "8")


def _time(claims: JSONObject, name: str) -> int:
    value = claims[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is not a time")
    return value


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
