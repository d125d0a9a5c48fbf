"""Keys, a provider that serves them, and a verifier that uses them."""

import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.trust.callback_tokens import RefusedTokenError, TokenVerifier
from receiver.trust.key_set import KeySet
from tests.support.key_provider import Peer
from tests.support.tokens import APP, ISSUERS, Clock, bearer, claims, header, jwk, signed
from tests.trust.fixture_types import Comparisons, MakeKeySet, MakePeer, Refusal


def generate_key(bits: int) -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return generate_key(2048)


@pytest.fixture(scope="session")
def other_key() -> RSAPrivateKey:
    return generate_key(2048)


@pytest.fixture(scope="session")
def short_key() -> RSAPrivateKey:
    return generate_key(1024)


@pytest.fixture(scope="session")
def curve_key() -> EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Comparisons:
    """Replace the comparison in constant time by one that always, or never, finds equality; return what it compares."""

    def begin(*, alike: bool) -> list[tuple[object, object]]:
        compared: list[tuple[object, object]] = []

        def compare(first: object, second: object) -> bool:
            compared.append((first, second))
            return alike

        monkeypatch.setattr(hmac, "compare_digest", compare)
        return compared

    return begin


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_peer() -> Iterator[MakePeer]:
    peers: list[Peer] = []

    def make(*args: Any, **options: Any) -> Peer:
        peers.append(Peer(*args, **options))
        return peers[-1]

    yield make
    for peer in peers:
        peer.stop()


@pytest.fixture
def peer(make_peer: MakePeer, key: RSAPrivateKey) -> Peer:
    return make_peer([jwk(key)])


@pytest.fixture
def make_key_set(clock: Clock) -> Iterator[MakeKeySet]:
    key_sets: list[KeySet] = []

    def make(peer: Peer, **options: Any) -> KeySet:
        key_sets.append(KeySet(peer.metadata_url, **{"clock": clock, "patience": 10.0, **options}))
        return key_sets[-1]

    yield make
    for key_set in key_sets:
        key_set.close()


@pytest.fixture
def key_set(make_key_set: MakeKeySet, peer: Peer) -> KeySet:
    return make_key_set(peer)


@pytest.fixture
def verifier(key_set: KeySet, clock: Clock) -> TokenVerifier:
    return TokenVerifier(key_set, app_ids=(APP,), tenants=(), issuers=ISSUERS, clock=clock)


@pytest.fixture
def refusal(verifier: TokenVerifier, key: RSAPrivateKey) -> Refusal:
    """Return why a token is refused, having checked that a valid one is accepted."""

    def refusal(token: str) -> str:
        verifier.verify(bearer(signed(key, header(), claims())))
        with pytest.raises(RefusedTokenError) as caught:
            verifier.verify(bearer(token))
        assert caught.value.status == 401
        assert caught.value.__cause__ is None
        assert "key-1" not in caught.value.detail
        return caught.value.reason

    return refusal
