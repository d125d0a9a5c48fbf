import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from receiver.trust.callback_tokens import RefusedTokenError, TokenVerifier
from receiver.trust.key_set import KeySet
from tests.support.key_provider import Peer
from tests.support.tokens import APP, ISSUERS, Clock, bearer, claims, header, jwk, signed


def _rsa(bits):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@pytest.fixture(scope="session")
def key():
    return _rsa(2048)


@pytest.fixture(scope="session")
def other_key():
    return _rsa(2048)


@pytest.fixture(scope="session")
def short_key():
    return _rsa(1024)


@pytest.fixture(scope="session")
def curve_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def comparisons(monkeypatch):
    """Have everything be found alike in constant time, or different; return what is compared."""

    def begin(*, alike):
        compared = []
        monkeypatch.setattr(hmac, "compare_digest", lambda *texts: compared.append(texts) or alike)
        return compared

    return begin


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_peer():
    peers = []

    def make(*args, **options):
        peers.append(Peer(*args, **options))
        return peers[-1]

    yield make
    for peer in peers:
        peer.stop()


@pytest.fixture
def peer(make_peer, key):
    return make_peer([jwk(key)])


@pytest.fixture
def make_key_set(clock):
    key_sets = []

    def make(peer, **options):
        key_sets.append(KeySet(peer.metadata_url, **{"clock": clock, "patience": 10.0, **options}))
        return key_sets[-1]

    yield make
    for key_set in key_sets:
        key_set.close()


@pytest.fixture
def key_set(make_key_set, peer):
    return make_key_set(peer)


@pytest.fixture
def verifier(key_set, clock):
    return TokenVerifier(key_set, app_ids=(APP,), tenants=(), issuers=ISSUERS, clock=clock)


@pytest.fixture
def refusal(verifier, key):
    """Tell why a token is refused, once it is certain that good ones pass."""

    def refusal(token):
        verifier.verify(bearer(signed(key, header(), claims())))
        with pytest.raises(RefusedTokenError) as caught:
            verifier.verify(bearer(token))
        assert caught.value.status == 401
        assert caught.value.__cause__ is None
        assert "key-1" not in caught.value.detail
        return caught.value.reason

    return refusal
