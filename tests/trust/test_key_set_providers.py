"""The key set with providers that are broken, slow or hostile."""

import json
import re
import ssl
import time
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.errors import KeysUnavailableError
from receiver.trust.key_fetch import MAX_DOCUMENT_BYTES
from receiver.trust.key_set import KeySet, UnknownKeyError
from tests.support.key_provider import (
    Behaviour,
    Peer,
    body,
    drip_body,
    drip_headers,
    endless_body,
    hang_up,
    redirect,
    silence,
)
from tests.support.tokens import ABSENT, Clock, jwk
from tests.trust.fixture_types import MakeKeySet, MakePeer


def failure(key_set: KeySet) -> str:
    """Get a key that is unavailable; return the reason."""
    with pytest.raises(KeysUnavailableError) as caught:
        key_set.get("key-1")
    status = key_set.status()
    assert status.keys == 0
    assert status.error
    assert status.error not in caught.value.detail
    return status.error


@pytest.mark.parametrize("path", ["/metadata", "/keys"])
@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (body(b"", 500), "status 500"),
        (body(b"{}", 204), "status 204"),
        (redirect("/keys"), "status 302"),
        (hang_up, "Error|Disconnected"),
        (endless_body, "larger than"),
        (body(b" " * MAX_DOCUMENT_BYTES + b"{}"), "larger than"),
        (body(b""), "JSONDecodeError"),
        (body(b"\xff\xfe garbage"), "Error"),
        (body(b"\x1f\x8b\x08\x00\x00\x00"), "Error"),
        (body(b"[" * 100_000), "RecursionError"),
        (body(b"9" * 5000), "ValueError"),
        (body(b"null"), "no jwks_uri|no usable key"),
        (body(b"[]"), "no jwks_uri|no usable key"),
        (body(b'{"jwks_uri": 5, "keys": {"a": 5}}'), "no jwks_uri|no usable key"),
        (body(b'{"keys": [null, 5, "a", [], {}]}'), "no jwks_uri|no usable key"),
    ],
)
def test_invalid_response_fails_the_fetch(
    key_set: KeySet, peer: Peer, path: str, behaviour: Behaviour, error: str
) -> None:
    peer.behave(behaviour, path)
    assert re.search(error, failure(key_set))


@pytest.mark.parametrize("behaviour", [silence, drip_headers, drip_body])
@pytest.mark.parametrize("path", ["/metadata", "/keys"])
def test_fetch_ends_at_its_time_limit(
    make_key_set: MakeKeySet, peer: Peer, clock: Clock, path: str, behaviour: Behaviour
) -> None:
    peer.behave(behaviour, path)
    key_set = make_key_set(peer, time_limit=0.2)
    assert failure(key_set) == "it took longer than 0.2 s"
    peer.behave(None)
    key_set._time_limit = 10.0
    clock.advance(1.1)
    key_set.get("key-1")


@pytest.mark.parametrize("behaviour", [silence, drip_headers, drip_body])
def test_get_waits_at_most_two_seconds(peer: Peer, make_key_set: MakeKeySet, behaviour: Behaviour) -> None:
    peer.behave(behaviour)
    key_set = make_key_set(peer, patience=1.5 if behaviour is silence else 0.1)
    before = time.monotonic()
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    assert time.monotonic() - before < 2


@pytest.mark.parametrize(
    "jwks_uri",
    [
        "http://localhost:{port}/keys",
        "http://127.0.0.1:1/keys",
        "http://127.0.0.1/keys",
        "https://127.0.0.1:{port}/keys",
        "http://127.0.0.1:{port}@example.com/keys",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:99999/keys",
        "http://[::1/keys",
        "//127.0.0.1:{port}/keys",
        "/keys",
        "file:///etc/passwd",
        "http://127.0.0.1:{port}/keys \u00e9",
        "",
        5,
        ["/keys"],
    ],
)
def test_key_set_on_another_origin_is_not_fetched(key_set: KeySet, peer: Peer, jwks_uri: object) -> None:
    port = peer.origin.rpartition(":")[2]
    peer.jwks_uri = jwks_uri.format(port=port) if isinstance(jwks_uri, str) else jwks_uri
    failure(key_set)
    assert peer.requests == ["/metadata"]


def test_key_set_on_a_configured_host_is_fetched(
    make_key_set: MakeKeySet, make_peer: MakePeer, peer: Peer, key: RSAPrivateKey, other_key: RSAPrivateKey
) -> None:
    other = make_peer([jwk(other_key)])
    peer.jwks_uri = f"{other.origin}/keys"
    host = other.origin.removeprefix("http://")
    failure(make_key_set(peer, hosts=["example.com", host.partition(":")[0]]))
    assert other.requests == []
    keys = make_key_set(peer, hosts=["example.com", host])
    assert keys.get("key-1").public_numbers() == other_key.public_key().public_numbers()
    assert (set(peer.requests), other.requests) == ({"/metadata"}, ["/keys"])


@pytest.mark.parametrize(
    "jwks_uri", ["http://example.com/keys", "ftp://example.com/keys", "//example.com/keys"]
)
def test_configured_host_is_fetched_by_https_only(
    make_key_set: MakeKeySet, peer: Peer, jwks_uri: object
) -> None:
    peer.jwks_uri = jwks_uri
    assert "another host" in failure(make_key_set(peer, hosts=["example.com"]))


def test_query_of_the_jwks_uri_is_sent(key_set: KeySet, peer: Peer) -> None:
    peer.jwks_uri = f"{peer.origin}/keys?api-version=1"
    failure(key_set)
    assert peer.requests == ["/metadata", "/keys?api-version=1"]


def test_error_does_not_contain_the_address(key_set: KeySet, peer: Peer) -> None:
    peer.jwks_uri = "https://user:secret@example.com/keys"
    assert "secret" not in failure(key_set)


@pytest.mark.parametrize(
    "members",
    [
        {"kty": "EC"},
        {"kty": ABSENT},
        {"kty": ["RSA"]},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"use": "enc"},
        {"use": ["sig"]},
        {"kid": ABSENT},
        {"kid": None},
        {"kid": 5},
        {"n": ABSENT},
        {"n": ""},
        {"n": "A"},
        {"n": 5},
        {"n": "\ud800"},
        {"e": ABSENT},
        {"e": ""},
        {"e": "AQ"},
        {"e": "AA"},
        {"e": "Ag"},
        {"e": None},
        {"n": "_" * 20_000},
    ],
)
def test_unusable_key_is_left_out(
    key_set: KeySet, peer: Peer, key: RSAPrivateKey, other_key: RSAPrivateKey, members: dict[str, object]
) -> None:
    unusable = {**jwk(key, "key-2"), **members}
    peer.keys = [{name: value for name, value in unusable.items() if value is not ABSENT}, jwk(other_key)]
    key_set.get("key-1")
    assert key_set.status().keys == 1


def test_short_key_is_left_out(
    key_set: KeySet, peer: Peer, key: RSAPrivateKey, short_key: RSAPrivateKey
) -> None:
    peer.keys = [jwk(short_key, "short"), jwk(key)]
    key_set.get("key-1")
    with pytest.raises(UnknownKeyError):
        key_set.get("short")


@pytest.mark.parametrize("members", [{"use": ABSENT}, {"alg": "none"}, {"alg": "HS256"}, {"x5c": ["?"]}])
def test_other_members_of_a_key_are_ignored(
    key_set: KeySet, peer: Peer, key: RSAPrivateKey, members: dict[str, object]
) -> None:
    peer.keys = [jwk(key, **members)]
    key_set.get("key-1")


def test_key_set_without_usable_keys_replaces_nothing(key_set: KeySet, peer: Peer) -> None:
    key_set.get("key-1")
    peer.behave(body(json.dumps({"keys": []}).encode()), "/keys")
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown")
    assert key_set.status().error == "the key set has no usable key"
    key_set.get("key-1")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_peer(make_peer: MakePeer, key: RSAPrivateKey, authority: trustme.CA) -> Peer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return make_peer([jwk(key)], tls=context)


@pytest.fixture
def trusted_authority(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.mark.usefixtures("trusted_authority")
def test_certificate_of_a_known_authority_is_accepted(make_key_set: MakeKeySet, tls_peer: Peer) -> None:
    make_key_set(tls_peer).get("key-1")


def test_certificate_of_an_unknown_authority_is_rejected(make_key_set: MakeKeySet, tls_peer: Peer) -> None:
    assert failure(make_key_set(tls_peer)).startswith("its certificate is not trusted; set SSL_CERT_FILE")
    assert tls_peer.requests == []


@pytest.mark.parametrize("behaviour", [silence, drip_headers, drip_body])
@pytest.mark.usefixtures("trusted_authority")
def test_fetch_over_tls_ends_at_its_time_limit(
    make_key_set: MakeKeySet, tls_peer: Peer, behaviour: Behaviour
) -> None:
    tls_peer.behave(behaviour)
    assert failure(make_key_set(tls_peer, time_limit=0.4)) == "it took longer than 0.4 s"


def test_proxy_variables_are_not_used(key_set: KeySet, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    key_set.get("key-1")
