"""Providers of signing keys that are broken, slow or hostile, and their effect on a sender."""

import base64
import hashlib
import math
import secrets
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm

from receiver.simulator.issuer import Issuer
from receiver.simulator.signing_key import SigningKey
from tests.support.key_provider import Behaviour, Peer, drip_body
from tests.support.notifications import operation
from tests.support.service import APP_ID, TENANT, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer
from tests.support.tokens import base64url, signed, signed_with_secret, unsigned

FOREIGN_KEY = SigningKey.generate()
Sign = Callable[[dict[str, object], dict[str, object]], str]


@pytest.fixture
def provider(issuer: Issuer) -> Iterator[Peer]:
    """Shows the issuer's keys, well or badly."""
    with Peer([issuer.key.jwk()]) as peer:
        yield peer


@pytest.fixture
def other_provider() -> Iterator[Peer]:
    """Returns an attacker's key, under the attacker's id."""
    with Peer([FOREIGN_KEY.jwk()]) as peer:
        yield peer


def by(key: rsa.RSAPrivateKey) -> Sign:
    return lambda head, claims: signed(key, head, claims)


def token(issuer: Issuer, kid: str, sign: Sign) -> str:
    return sign({"alg": "RS256", "kid": kid}, issuer.claims(audience=APP_ID, tenant_id=TENANT))


def strangers_token(issuer: Issuer) -> str:
    return token(issuer, FOREIGN_KEY.kid, by(FOREIGN_KEY.private_key))


# What they show


class WeakKey:
    """An RSA key of 512 bits, which no library generates any more; it can be factored in hours."""

    def __init__(self) -> None:
        p, q = self._prime(), self._prime()
        self._modulus = p * q
        self._exponent = pow(65537, -1, math.lcm(p - 1, q - 1))

    def jwk(self, kid: str) -> dict[str, str]:
        modulus = base64url(self._modulus.to_bytes(64))
        return {"kty": "RSA", "use": "sig", "kid": kid, "n": modulus, "e": "AQAB"}

    def sign(self, head: dict[str, object], claims: dict[str, object]) -> str:
        """Sign as RS256 has it (RFC 8017, section 9.2)."""
        content = unsigned(head, claims)
        info = (
            bytes.fromhex("3031300d060960864801650304020105000420")
            + hashlib.sha256(content.encode()).digest()
        )
        padded = b"\x00\x01" + b"\xff" * (61 - len(info)) + b"\x00" + info
        signature = pow(int.from_bytes(padded), self._exponent, self._modulus)
        return f"{content}.{base64url(signature.to_bytes(64))}"

    @staticmethod
    def _prime() -> int:
        start = secrets.randbits(256) | 3 << 254 | 1
        return next(n for n in count(start, 2) if pow(2, n - 1, n) == 1 and n % 65537 != 1)


def test_weak_key_of_these_tests_signs_correctly() -> None:
    weak = WeakKey()
    modulus, signature = (
        int.from_bytes(base64.urlsafe_b64decode(f"{text}=="))
        for text in (weak.jwk("weak")["n"], weak.sign({"alg": "RS256"}, {}).rpartition(".")[2])
    )
    digest = hashlib.sha256(unsigned({"alg": "RS256"}, {}).encode()).digest()
    opened = pow(signature, 65537, modulus).to_bytes(64)
    assert opened.startswith(b"\x00\x01\xff")
    assert opened.endswith(digest)


def test_weak_or_unsuitable_keys_verify_no_token(
    start: Start, provider: Peer, issuer: Issuer, store: StoreServer
) -> None:
    weak, short = WeakKey(), rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    secret = b"s" * 32
    provider.keys = [
        weak.jwk("weak"),
        {**SigningKey.of(short).jwk(), "kid": "short"},
        {"kty": "oct", "kid": "symmetric", "k": base64url(secret), "alg": "HS256"},
        {**FOREIGN_KEY.jwk(), "kid": "for encryption", "use": "enc"},
        {**ECAlgorithm.to_jwk(curve, as_dict=True), "kid": "curve", "use": "sig"},
        {**FOREIGN_KEY.jwk(), "kid": "typeless", "kty": None},
        {**FOREIGN_KEY.jwk(), "kid": ["listed"]},
        "text",
        issuer.key.jwk(),
    ]
    service = start(RECEIVER_METADATA_URL=provider.metadata_url)
    forgeries = [
        token(issuer, "weak", weak.sign),
        token(issuer, "short", by(short)),
        token(issuer, "symmetric", lambda head, claims: signed_with_secret(secret, head, claims)),
        token(
            issuer,
            "symmetric",
            lambda head, claims: signed_with_secret(secret, {**head, "alg": "HS256"}, claims),
        ),
        token(issuer, "for encryption", by(FOREIGN_KEY.private_key)),
        token(issuer, "typeless", by(FOREIGN_KEY.private_key)),
        token(issuer, "listed", by(FOREIGN_KEY.private_key)),
    ]
    for forgery in forgeries:
        refused = service.call_back(operation(), token=forgery)
        assert (refused.status, refused.problem) in {(401, "invalid-token"), (503, "keys-unavailable")}
    assert store.client.keys() == []
    assert service.call_back(operation()).status == 202
    assert service.get("/readyz").json["checks"]["signingKeys"] == "ok"


# Where they lead


def test_keys_come_from_the_metadata_host_or_allowed_hosts(
    start: Start, provider: Peer, other_provider: Peer, issuer: Issuer
) -> None:
    provider.jwks_uri = f"{other_provider.origin}/keys"
    service = start(RECEIVER_METADATA_URL=provider.metadata_url)
    refused = service.call_back(operation(), token=strangers_token(issuer))
    assert (refused.status, refused.problem) == (503, "keys-unavailable")
    assert other_provider.requests == []
    assert "RECEIVER_KEY_HOSTS" in service.get("/readyz").json["checks"]["signingKeys"]
    host = other_provider.origin.removeprefix("http://")
    allowing = start(RECEIVER_METADATA_URL=provider.metadata_url, RECEIVER_KEY_HOSTS=f"example.com,{host}")
    assert allowing.call_back(operation(), token=strangers_token(issuer)).status == 202
    refused = allowing.call_back(operation())
    assert (refused.status, refused.problem) == (401, "invalid-token"), "there are no other keys than those"


def test_redirect_of_a_provider_is_not_followed(
    start: Start, provider: Peer, other_provider: Peer, issuer: Issuer
) -> None:
    elsewhere = f"{other_provider.origin}/keys"
    provider.behave(lambda handler: handler.reply(b"", 302, Location=elsewhere), "/keys")
    service = start(RECEIVER_METADATA_URL=provider.metadata_url)
    refused = service.call_back(operation(), token=strangers_token(issuer))
    assert (refused.status, refused.problem) == (503, "keys-unavailable")
    assert other_provider.requests == []
    assert "302" in service.get("/readyz").json["checks"]["signingKeys"]


# How they answer


def hundred_megabytes(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(1600):
        handler.wfile.write(b" " * 65_536)


@pytest.mark.parametrize("behaviour", [hundred_megabytes, drip_body], ids=["100 MB", "drip"])
def test_bad_provider_delays_no_sender_and_recovers(
    start: Start, provider: Peer, behaviour: Behaviour
) -> None:
    provider.behave(behaviour)
    service = start(RECEIVER_METADATA_URL=provider.metadata_url)
    before = memory(service)
    refused = service.call_back(operation())
    assert (refused.status, refused.problem) == (503, "keys-unavailable")
    assert refused.headers["Retry-After"]
    assert refused.seconds < 2.5
    assert memory(service) < before + 50_000_000
    provider.behave(None)
    provider.stop()  # which ends the attempt that is under way
    provider.start()
    deadline = time.monotonic() + 20
    while service.call_back(operation()).status != 202:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def memory(service: Service) -> int:
    assert service.process
    return sum(child.memory_info().rss for child in psutil.Process(service.process.pid).children())
