"""What the key set takes from providers that are broken, slow or hostile, and what it does not."""

import json
import re
import ssl
import time

import pytest
import trustme

from receiver.errors import KeysUnavailableError
from receiver.trust.key_fetch import MAX_DOCUMENT_BYTES
from receiver.trust.key_set import UnknownKeyError
from tests.support.key_provider import body, drip_body, drip_headers, endless_body, hang_up, redirect, silence
from tests.support.tokens import ABSENT, jwk


def refused(key_set):
    """Ask for a key that can't be had; return why."""
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
def test_a_bad_answer_is_a_failed_fetch(key_set, peer, path, behaviour, error):
    peer.behave(behaviour, path)
    assert re.search(error, refused(key_set))


@pytest.mark.parametrize("behaviour", [silence, drip_headers, drip_body])
@pytest.mark.parametrize("path", ["/metadata", "/keys"])
def test_an_attempt_ends_when_its_time_is_up(make_key_set, peer, clock, path, behaviour):
    peer.behave(behaviour, path)
    key_set = make_key_set(peer, time_limit=0.2)
    assert refused(key_set) == "it took longer than 0.2 s"
    peer.behave(None)
    key_set._time_limit = 10.0
    clock.advance(1.1)
    key_set.get("key-1")


@pytest.mark.parametrize("behaviour", [silence, drip_headers, drip_body])
def test_nobody_waits_longer_than_two_seconds(peer, make_key_set, behaviour):
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
def test_the_key_set_must_be_at_the_same_place_as_the_metadata(key_set, peer, jwks_uri):
    port = peer.origin.rpartition(":")[2]
    peer.jwks_uri = jwks_uri.format(port=port) if isinstance(jwks_uri, str) else jwks_uri
    refused(key_set)
    assert peer.requests == ["/metadata"]


def test_the_keys_may_be_on_a_host_that_is_set(make_key_set, make_peer, peer, key, other_key):
    other = make_peer([jwk(other_key)])
    peer.jwks_uri = f"{other.origin}/keys"
    host = other.origin.removeprefix("http://")
    refused(make_key_set(peer, hosts=["example.com", host.partition(":")[0]]))
    assert other.requests == []
    keys = make_key_set(peer, hosts=["example.com", host])
    assert keys.get("key-1").public_numbers() == other_key.public_key().public_numbers()
    assert (set(peer.requests), other.requests) == ({"/metadata"}, ["/keys"])


@pytest.mark.parametrize(
    "jwks_uri", ["http://example.com/keys", "ftp://example.com/keys", "//example.com/keys"]
)
def test_a_host_that_is_set_is_asked_by_https_alone(make_key_set, peer, jwks_uri):
    peer.jwks_uri = jwks_uri
    assert "another host" in refused(make_key_set(peer, hosts=["example.com"]))


def test_the_query_of_an_address_is_kept(key_set, peer):
    peer.jwks_uri = f"{peer.origin}/keys?api-version=1"
    refused(key_set)
    assert peer.requests == ["/metadata", "/keys?api-version=1"]


def test_errors_hold_nothing_of_the_address_or_the_answer(key_set, peer):
    peer.jwks_uri = "https://user:secret@example.com/keys"
    assert "secret" not in refused(key_set)


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
def test_an_unusable_key_is_left_out(key_set, peer, key, other_key, members):
    peer.keys = [{**jwk(key, "key-2"), **members}, jwk(other_key)]
    peer.keys[0] = {name: value for name, value in peer.keys[0].items() if value is not ABSENT}
    key_set.get("key-1")
    assert key_set.status().keys == 1


def test_a_short_key_is_left_out(key_set, peer, key, short_key):
    peer.keys = [jwk(short_key, "short"), jwk(key)]
    key_set.get("key-1")
    with pytest.raises(UnknownKeyError):
        key_set.get("short")


@pytest.mark.parametrize("members", [{"use": ABSENT}, {"alg": "none"}, {"alg": "HS256"}, {"x5c": ["?"]}])
def test_other_members_of_a_key_do_not_matter(key_set, peer, key, members):
    peer.keys = [jwk(key, **members)]
    key_set.get("key-1")


def test_a_key_set_without_usable_keys_does_not_replace_the_good_one(key_set, peer):
    key_set.get("key-1")
    peer.behave(body(json.dumps({"keys": []}).encode()), "/keys")
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown")
    assert key_set.status().error == "the key set has no usable key"
    key_set.get("key-1")


@pytest.fixture
def tls_peer(make_peer, key):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    tls_peer = make_peer([jwk(key)], tls=context)
    tls_peer.authority = authority
    return tls_peer


def test_a_certificate_of_a_known_authority_is_trusted(make_key_set, tls_peer, monkeypatch, tmp_path):
    certificate = tmp_path / "ca.pem"
    tls_peer.authority.cert_pem.write_to_path(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    make_key_set(tls_peer).get("key-1")


def test_a_certificate_of_an_unknown_authority_is_not_trusted(make_key_set, tls_peer):
    assert refused(make_key_set(tls_peer)).startswith("its certificate is not trusted; SSL_CERT_FILE")
    assert tls_peer.requests == []


@pytest.mark.parametrize("behaviour", [silence, drip_headers, drip_body])
def test_an_attempt_over_tls_ends_when_its_time_is_up(
    make_key_set, tls_peer, monkeypatch, tmp_path, behaviour
):
    certificate = tmp_path / "ca.pem"
    tls_peer.authority.cert_pem.write_to_path(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_peer.behave(behaviour)
    assert refused(make_key_set(tls_peer, time_limit=0.4)) == "it took longer than 0.4 s"


def test_proxies_of_the_environment_are_not_used(key_set, peer, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    key_set.get("key-1")
