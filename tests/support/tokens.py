"""Builders of JSON Web Keys and of tokens, valid and invalid."""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

APP = "11111111-2222-3333-4444-555555555555"
OTHER_APP = "66666666-7777-8888-9999-aaaaaaaaaaaa"
TENANT = "bbbbbbbb-cccc-dddd-eeee-ffffffffffff"
ISSUERS = ("https://api.botframework.com", "https://graph.microsoft.com")
NOW = 1_800_000_000.0

_HASHES = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}
ABSENT = object()


class Clock:
    """A clock that advances only by `advance`."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwk(key: RSAPrivateKey, kid: object = "key-1", **members: object) -> dict[str, object]:
    numbers = key.public_key().public_numbers()
    n, e = (base64url(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
    return without_absent({"kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": e, **members})


def header(**members: object) -> dict[str, object]:
    return without_absent({"typ": "JWT", "alg": "RS256", "kid": "key-1", **members})


def claims(**members: object) -> dict[str, object]:
    return without_absent(
        {"iss": ISSUERS[0], "aud": APP, "tid": TENANT, "exp": NOW + 3600, "nbf": NOW - 60, **members}
    )


def unsigned(head: object, payload: object) -> str:
    return ".".join(
        base64url(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (head, payload)
    )


def signed(key: RSAPrivateKey, head: object, payload: object) -> str:
    """Sign a token of any content by the `alg` of its header, or else by RS256."""
    content = unsigned(head, payload)
    algorithm = head.get("alg") if isinstance(head, dict) else None
    method = _HASHES.get(algorithm if isinstance(algorithm, str) else "", hashes.SHA256())
    return f"{content}.{base64url(key.sign(content.encode(), padding.PKCS1v15(), method))}"


def signed_with_secret(secret: bytes, head: dict[str, object], payload: dict[str, object]) -> str:
    content = unsigned(head, payload)
    return f"{content}.{base64url(hmac.new(secret, content.encode(), hashlib.sha256).digest())}"


def bearer(token: str) -> str:
    return f"Bearer {token}"


def without_absent(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not ABSENT}
