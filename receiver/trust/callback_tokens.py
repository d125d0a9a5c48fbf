"""Callback tokens: verify the JSON Web Token that authenticates Graph's call notifications (contract A).

Cheap checks come first, on claims whose signature is not verified yet, so that a flood of forged tokens costs little;
no claim is trusted before the signature is valid. PyJWT checks the form and the signature (RFC 7515), this module the
claims (RFC 7519), with a clock passed in. A valid token is cached until it expires, its key leaves the key set, or an
hour has passed.
"""

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from receiver.errors import (
    InvalidTokenError,
    MissingTokenError,
    NotConfiguredError,
    TenantNotAllowedError,
    UnknownAppError,
)
from receiver.trust.key_set import KeySet, UnknownKeyError
from receiver.trust.token_cache import TokenCache

if TYPE_CHECKING:
    from jwt.types import Options

Reason = Literal[
    "malformed",
    "algorithm",
    "key-id",
    "unknown-key",
    "signature",
    "expired",
    "not-yet-valid",
    "times",
    "issuer",
    "audience",
    "tenant",
]

MAX_TOKEN_LENGTH: Final = 8192
"""Characters of a token; a longer one is rejected undecoded."""

MAX_KEY_ID_LENGTH: Final = 256
"""Characters of a `kid`; it bounds the memory of the unknown key ids that the key set records."""

LEEWAY: Final = 300.0
"""Seconds by which `exp` and `nbf` may be missed, for clocks that differ."""

CACHE_SECONDS: Final = 3600.0
"""Seconds until a cached token is verified again, while the key set holds its key. A verification takes 0.1 ms."""

ALGORITHMS: Final = ("RS256", "RS384", "RS512")
"""The accepted algorithms; neither a token nor a discovery document can change them (RFC 8725, 3.1)."""

TENANT_CLAIMS: Final = ("tid", "http://schemas.microsoft.com/identity/claims/tenantid")

# Three parts of base64url, no padding, no white space. PyJWT would accept `=`, another spelling of the same token.
_COMPACT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_APP_ID_URI: Final = re.compile(r"api://(?:botid-)?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})")
_LAST_SECOND: Final = 253_402_300_799  # the end of the year 9999; also excludes infinity and NaN
_UNVERIFIED: Final["Options"] = {"verify_signature": False}
_SIGNATURE_ONLY: Final["Options"] = {
    "require": ["exp", "iss", "aud"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}


class RefusedTokenError(InvalidTokenError):
    """The bearer token is invalid; the response does not name the reason.

    Args:
        reason: the code for logs and metrics.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(
            "The token is invalid. Send one of the calling platform that was issued for this app."
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified sender: the app that its token is for and its tenant, both in lower case, and the token's issuer."""

    app_id: str
    tenant_id: str
    issuer: str


@dataclass(frozen=True, slots=True)
class _Claims:
    """The claims of a token: the caller for each app in its audience, and for None the first of them."""

    callers: Mapping[str | None, Caller]
    tenant_id: str
    valid_until: float


class TokenVerifier:
    """Verifies the tokens of requests and returns their callers. Safe to share between threads.

    Args:
        keys: the signing keys.
        app_ids: the audiences to accept; none closes the callback.
        tenants: the tenant ids to accept; none accepts all.
        issuers: the issuers to accept, compared exactly.
        clock: seconds since 1970.
        cache_size: number of valid tokens that are cached.
    """

    def __init__(
        self,
        keys: KeySet,
        *,
        app_ids: Sequence[str],
        tenants: Collection[str],
        issuers: Sequence[str],
        clock: Callable[[], float] = time.time,
        cache_size: int = 4096,
    ) -> None:
        self._keys = keys
        self._app_ids = tuple(app_id.lower() for app_id in app_ids)
        self._tenants = frozenset(tenant.lower() for tenant in tenants)
        self._issuers = frozenset(issuers)
        self._clock = clock
        self._cache: TokenCache[_Verified] = TokenCache(cache_size)

    def verify(self, authorization: str | None, app_id: str | None = None) -> Caller:
        """Return the authenticated sender of a request.

        Args:
            authorization: its `Authorization` header (RFC 6750).
            app_id: the app named by the callback's address; the token's audience must then include it.

        Raises:
            NotConfiguredError: no app id is configured, so no token is accepted.
            UnknownAppError: `app_id` is not configured.
            MissingTokenError: the header has no bearer token.
            RefusedTokenError: the token is invalid.
            TenantNotAllowedError: the token is valid, but its tenant is not accepted.
            KeysUnavailableError: the signing keys are not available.
        """
        app_id = self._known_app(app_id)
        token = _bearer_token(authorization)
        verified = self._cache.get(token)
        if verified is None or not self._is_fresh(verified):
            verified = self._verify(token)
            self._cache.put(token, verified)
        caller = verified.claims.callers.get(app_id)
        if caller is None:
            raise RefusedTokenError("audience")
        return caller

    def is_cached(self, authorization: str) -> bool:
        """Return whether the token in a header is in the cache. It takes 3 µs, and does not replace `verify`."""
        verified = self._cache.get(authorization.partition(" ")[2].strip(" "))
        return verified is not None and self._is_fresh(verified)

    def _is_fresh(self, verified: "_Verified") -> bool:
        now = self._clock()
        end = min(verified.claims.valid_until, verified.at + CACHE_SECONDS)
        # A clock that was set back must not extend the hour.
        return verified.at <= now < end and self._keys.holds(verified.key_id, verified.key)

    def _known_app(self, app_id: str | None) -> str | None:
        if not self._app_ids:
            raise NotConfiguredError(
                "No app id is configured, so no token is accepted. Set RECEIVER_APP_IDS."
            )
        if app_id is None:
            return None
        if app_id.lower() not in self._app_ids:
            raise UnknownAppError("This receiver has no such app. Add its id to RECEIVER_APP_IDS.")
        return app_id.lower()

    def _verify(self, token: str) -> "_Verified":
        if not _COMPACT.fullmatch(token):
            raise RefusedTokenError("malformed")
        key_id = self._precheck(token)
        try:
            key = self._keys.get(key_id)
            payload = jwt.decode(token, key, algorithms=ALGORITHMS, options=_SIGNATURE_ONLY)
        except UnknownKeyError:
            raise RefusedTokenError("unknown-key") from None
        except jwt.InvalidSignatureError:
            raise RefusedTokenError("signature") from None
        except jwt.PyJWTError:
            raise RefusedTokenError("malformed") from None
        claims = self._read(payload)
        if self._tenants and claims.tenant_id not in self._tenants:
            raise TenantNotAllowedError("The token is valid, but its tenant is not in RECEIVER_TENANTS.")
        return _Verified(claims, key_id, key, self._clock())

    def _precheck(self, token: str) -> str:
        """Return the key id of a token, having checked its header and its still unverified claims.

        PyJWT can raise nothing but PyJWTError here: the token is plain ASCII, so encoding it can't fail, and PyJWT
        wraps the ValueError and the RecursionError of JSON.
        """
        try:
            unsigned = jwt.decode_complete(token, options=_UNVERIFIED)
        except jwt.PyJWTError:  # from None, here and above: its message may quote the token
            raise RefusedTokenError("malformed") from None
        header = unsigned["header"]
        if header.get("alg") not in ALGORITHMS:
            raise RefusedTokenError("algorithm")
        if (
            "crit" in header
        ):  # no extension is supported, so every critical one is rejected (RFC 7515, 4.1.11)
            raise RefusedTokenError("malformed")
        key_id = header.get("kid")
        if not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_LENGTH:
            raise RefusedTokenError("key-id")
        self._read(unsigned["payload"])
        return key_id

    def _read(self, payload: Mapping[str, object]) -> _Claims:
        now = self._clock()
        valid_until = _seconds(payload.get("exp")) + LEEWAY
        if valid_until <= now:
            raise RefusedTokenError("expired")
        if "nbf" in payload and _seconds(payload["nbf"]) > now + LEEWAY:
            raise RefusedTokenError("not-yet-valid")
        issuer = payload.get("iss")
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise RefusedTokenError("issuer")
        audiences = _audiences(payload.get("aud"))
        tenant_id = _tenant_id(payload)
        callers = [Caller(app_id, tenant_id, issuer) for app_id in self._app_ids if app_id in audiences]
        if not callers:
            raise RefusedTokenError("audience")
        by_app: dict[str | None, Caller] = {caller.app_id: caller for caller in callers}
        return _Claims({**by_app, None: callers[0]}, tenant_id, valid_until)


@dataclass(frozen=True, slots=True)
class _Verified:
    """The claims of a valid token, the key that verified its signature, and the time of the verification."""

    claims: _Claims
    key_id: str
    key: RSAPublicKey
    at: float


def _bearer_token(authorization: str | None) -> str:
    method, _, token = (authorization or "").partition(" ")
    token = token.strip(" ")
    if method.lower() != "bearer" or not token:
        raise MissingTokenError("Send a token as `Authorization: Bearer <token>`.")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise RefusedTokenError("malformed")
    return token


def _seconds(value: object) -> float:
    """Return a NumericDate (RFC 7519, 2) as seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        raise RefusedTokenError("times")
    return float(value)


def _audiences(value: object) -> frozenset[str]:
    values = value if isinstance(value, list) else [value]
    return frozenset(_app_id(audience) for audience in values if isinstance(audience, str))


def _app_id(audience: str) -> str:
    """Return the app id that an audience names, in lower case: bare, or in one of the two forms of an app id URI."""
    uri = _APP_ID_URI.fullmatch(audience)
    return (uri[1] if uri else audience).lower()


def _tenant_id(payload: Mapping[str, object]) -> str:
    tenant_id = next((payload[name] for name in TENANT_CLAIMS if payload.get(name)), None)
    if not isinstance(tenant_id, str):
        raise RefusedTokenError("tenant")
    return tenant_id.lower()
