"""The issuer of the simulator's tokens: an OpenID document, a key document, and signed tokens.

It replaces `api.aps.skype.com`. By default it serves on loopback only, over plain HTTP, which the receiver accepts
from loopback addresses only.
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import jwt

from receiver.simulator.loopback_server import LoopbackServer, Reply, Request
from receiver.simulator.signing_key import JSONObject, SigningKey

BOT_FRAMEWORK: Final = "https://api.botframework.com"
GRAPH: Final = "https://graph.microsoft.com"
LONG_TENANT_CLAIM: Final = "http://schemas.microsoft.com/identity/claims/tenantid"
METADATA_PATH: Final = "/v1/.well-known/OpenIdConfiguration"
KEYS_PATH: Final = "/v1/keys"


class Issuer:
    """An OpenID issuer with real keys, as a context manager that serves.

    Args:
        key_file: PEM file of the first signing key, created if missing; None for a key that is not stored.
            Keys made by `rotate` are never written.
        host: loopback address to serve on.
        port: port to serve on; 0 takes a free one.
        clock: seconds since 1970, for the times in tokens.

    Raises:
        OSError: the key file can't be used.
        ValueError: the key file does not contain an RSA key.
    """

    def __init__(
        self,
        key_file: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = [SigningKey.load_or_create(key_file) if key_file else SigningKey.generate()]
        self._clock = clock
        self._server = LoopbackServer(self._answer, "issuer", host=host, port=port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to serve.

        Raises:
            OSError: the port is taken.
        """
        self._server.start()

    def stop(self) -> None:
        """Stop serving; `metadata_url` keeps the port, at which it can be started again."""
        self._server.stop()

    @property
    def metadata_url(self) -> str:
        """Address of the OpenID document: a receiver's `RECEIVER_METADATA_URL`."""
        return f"{self._server.origin}{METADATA_PATH}"

    @property
    def key(self) -> SigningKey:
        """The current signing key."""
        return self._keys[-1]

    def rotate(self) -> SigningKey:
        """Generate a new signing key; the old ones are still served."""
        self._keys = [*self._keys, SigningKey.generate()]
        return self.key

    def withdraw_old_keys(self) -> None:
        """Stop serving all keys but the current one."""
        self._keys = [self.key]

    def claims(
        self,
        *,
        audience: str,
        tenant_id: str,
        issuer: str = BOT_FRAMEWORK,
        lifetime: timedelta = timedelta(hours=1),
        not_before: float | None = None,
        tenant_claim: str = "tid",
    ) -> JSONObject:
        """Return the claims of a callback token.

        Args:
            audience: the app id.
            tenant_id: the tenant of the call.
            issuer: the issuer claim; Graph uses `BOT_FRAMEWORK` and `GRAPH`.
            lifetime: time from `not_before` to the expiry.
            not_before: seconds since 1970; now, if None.
            tenant_claim: `tid` or `LONG_TENANT_CLAIM`.
        """
        start = int(self._clock() if not_before is None else not_before)
        return {
            "iss": issuer,
            "aud": audience,
            tenant_claim: tenant_id,
            "nbf": start,
            "exp": start + int(lifetime.total_seconds()),
        }

    def token(
        self,
        *,
        audience: str,
        tenant_id: str,
        issuer: str = BOT_FRAMEWORK,
        lifetime: timedelta = timedelta(hours=1),
        not_before: float | None = None,
        tenant_claim: str = "tid",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Sign a callback token as Graph does.

        Args:
            audience: as for `claims`.
            tenant_id: as for `claims`.
            issuer: as for `claims`.
            lifetime: as for `claims`.
            not_before: as for `claims`.
            tenant_claim: as for `claims`.
            headers: further members of the token's header, such as the stray `{"cty": "JWT"}`.
        """
        claims = self.claims(
            audience=audience,
            tenant_id=tenant_id,
            issuer=issuer,
            lifetime=lifetime,
            not_before=not_before,
            tenant_claim=tenant_claim,
        )
        return sign(claims, self.key, self.key.kid, headers)

    def _answer(self, request: Request) -> Reply:
        document = self._documents().get(request.path) if request.method == "GET" else None
        return Reply(404, {"error": "not found"}) if document is None else Reply(200, document)

    def _documents(self) -> dict[str, JSONObject]:
        return {
            METADATA_PATH: {
                "issuer": BOT_FRAMEWORK,
                "authorization_endpoint": "https://invalid.botframework.com/",
                "jwks_uri": f"{self._server.origin}{KEYS_PATH}",
                "id_token_signing_alg_values_supported": ["RSA256"],  # as in Graph's own document, for RS256
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            },
            KEYS_PATH: {"keys": [key.jwk() for key in self._keys]},
        }


def sign(claims: JSONObject, key: SigningKey, kid: str, headers: Mapping[str, str] | None = None) -> str:
    """Sign claims with a key under any key id: a forged token may name another's key."""
    header = {"kid": kid, "x5t": kid, **(headers or {})}
    return jwt.encode(dict(claims), key.private_key, algorithm="RS256", headers=header)
