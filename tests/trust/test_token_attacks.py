"""Tokens whose form or signature is not to be believed; the list is that of RFC 8725, and then some."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from receiver.trust.callback_tokens import MAX_TOKEN_LENGTH
from tests.support.tokens import (
    ABSENT,
    base64url,
    bearer,
    claims,
    header,
    jwk,
    signed,
    signed_with_secret,
    unsigned,
)

PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PKCS1 = (Encoding.PEM, PublicFormat.PKCS1)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", None, 5, ["RS256"], {"a": "RS256"}, ABSENT]
)
def test_a_token_without_an_algorithm_is_refused(refusal, key, algorithm):
    head = header(alg=algorithm)
    assert refusal(signed(key, head, claims())) == "algorithm"
    assert refusal(f"{unsigned(head, claims())}.") == "malformed"
    assert refusal(f"{unsigned(head, claims())}.AA") == "algorithm"


@pytest.mark.parametrize(
    "algorithm", ["HS256", "PS256", "ES256", "EdDSA", "rs256", "RS1", "RSA256", "RS256 "]
)
def test_any_algorithm_but_ours_is_refused_without_asking_for_the_key(refusal, key, peer, algorithm):
    assert refusal(signed(key, header(alg=algorithm, kid="unknown"), claims())) == "algorithm"
    assert peer.fetches == 1


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
@pytest.mark.parametrize("encoding", [PEM, DER, PKCS1])
def test_the_public_key_is_no_secret(refusal, key, algorithm, encoding):
    secret = key.public_key().public_bytes(*encoding)
    token = signed_with_secret(secret, header(alg=algorithm), claims())
    assert refusal(token) == ("algorithm" if algorithm == "HS256" else "signature")


def test_the_public_key_as_json_is_no_secret(refusal, key):
    token = signed_with_secret(json.dumps(jwk(key)).encode(), header(alg="HS256"), claims())
    assert refusal(token) == "algorithm"


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_another_padding_is_refused(refusal, key, algorithm):
    content = unsigned(header(alg=algorithm), claims())
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = key.sign(content.encode(), scheme, hashes.SHA256())
    assert refusal(f"{content}.{base64url(signature)}") == (
        "algorithm" if algorithm == "PS256" else "signature"
    )


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_another_kind_of_key_is_refused(refusal, curve_key, algorithm):
    content = unsigned(header(alg=algorithm), claims())
    signature = curve_key.sign(content.encode(), ec.ECDSA(hashes.SHA256()))
    assert refusal(f"{content}.{base64url(signature)}") == (
        "algorithm" if algorithm == "ES256" else "signature"
    )


def test_the_algorithm_belongs_to_the_signature(refusal, key):
    content = unsigned(header(alg="RS512"), claims())
    signature = key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert refusal(f"{content}.{base64url(signature)}") == "signature"


@pytest.mark.parametrize("kid", [ABSENT, None, 5, True, [], ["key-1"], {"key-1": 1}, "k" * 257, "k" * 5000])
def test_a_key_id_that_is_none_is_refused_without_a_fetch(refusal, key, peer, kid):
    assert refusal(signed(key, header(kid=kid), claims())) in {"key-id", "malformed"}
    assert peer.fetches == 1


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "KEY-1",
        "key-1\x00",
        " key-1",
        "../../../dev/null",
        "/etc/passwd",
        "key-1' OR '1'='1",
        "http://127.0.0.1:1/keys",
        "key-1\r\nX: y",
        "\ud800",
        "k" * 256,
    ],
)
def test_a_key_id_opens_nothing_but_the_key_set(refusal, key, peer, kid):
    assert refusal(signed(key, header(kid=kid), claims())) == "unknown-key"
    assert set(peer.requests) == {"/metadata", "/keys"}


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_token_does_not_bring_its_own_key(refusal, other_key, peer, member):
    evil = {"jwk": jwk(other_key), "x5c": ["MIIB"]}.get(member, f"{peer.origin}/evil")
    assert refusal(signed(other_key, header(**{member: evil}), claims())) == "signature"
    assert refusal(signed(other_key, header(kid="evil", **{member: evil}), claims())) == "unknown-key"
    assert "/evil" not in peer.requests


@pytest.mark.parametrize("crit", [["b64"], ["exp"], ["x", "y"], [], None, "exp", {}, [5]])
@pytest.mark.parametrize("b64", [True, ABSENT])
def test_critical_extensions_are_refused(refusal, key, crit, b64):
    assert refusal(signed(key, header(crit=crit, b64=b64), claims())) == "malformed"


@pytest.mark.parametrize("crit", [["b64"], ABSENT])
def test_an_unencoded_payload_is_refused(refusal, key, crit):
    head = header(b64=False, crit=crit)
    assert refusal(signed(key, head, claims())) == "malformed"
    assert refusal(f"{base64url(json.dumps(head).encode())}..AAAA") == "malformed"


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize(
    "change",
    [
        lambda part: "",
        lambda part: part[:-1],
        lambda part: part[:-4],
        lambda part: f"{part}=",
        lambda part: f"{part}==",
        lambda part: f"{part[:5]} {part[5:]}",
        lambda part: f"{part}\n",
        lambda part: f"\t{part}",
        lambda part: f"{part}A",
        lambda part: f"{part}AAAA",
        lambda part: f"{part}.",
        lambda part: f"{part}!",
        lambda part: f"{part[:9]}+/{part[11:]}",
        lambda part: f"{part}\u00e9",
        lambda part: f"{part}\udcff",
        lambda part: f"{part}\uff21",
        lambda part: "".join(reversed(part)),
    ],
)
def test_a_token_that_was_changed_is_refused(refusal, key, part, change):
    parts = signed(key, header(), claims()).split(".")
    parts[part] = change(parts[part])
    assert refusal(".".join(parts)) in {"malformed", "signature", "algorithm"}


def test_unused_bits_of_the_last_letter_give_no_second_spelling(refusal, key):
    content, _, signature = signed(key, header(), claims()).rpartition(".")
    other = signature[:-1] + chr(ord(signature[-1]) + 1)
    assert base64.urlsafe_b64decode(f"{other}==") == base64.urlsafe_b64decode(f"{signature}==")
    assert refusal(f"{content}.{other}") == "malformed"


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b'"a"', b"5", b"\xff", b"{", b"[" * 4000, b"9" * 4999]
)
def test_a_part_that_is_no_object_is_refused(refusal, key, content):
    assert refusal(signed(key, content, claims())) == "malformed"
    assert refusal(signed(key, header(), content)) == "malformed"


def test_another_key_is_refused(refusal, other_key):
    assert refusal(signed(other_key, header(), claims())) == "signature"


def test_an_encrypted_token_is_refused(refusal):
    head = base64url(b'{"alg":"RSA-OAEP","enc":"A256GCM","kid":"key-1"}')
    assert refusal(f"{head}.AAAA.AAAA.AAAA.AAAA") == "malformed"


def test_a_token_within_a_token_is_refused(refusal, key):
    inner = signed(key, header(), claims())
    assert refusal(signed(key, header(cty="JWT"), inner.encode())) == "malformed"
    assert refusal(signed(key, header(cty="JWT"), json.dumps(inner).encode())) == "malformed"


@pytest.mark.parametrize(
    "token", ["Bearer", "a", ".", "..", "...", "a.b", "a.b.c", "\x00", "a.b.c, Bearer a.b.c"]
)
def test_what_is_no_token_is_refused(refusal, token):
    assert refusal(token) == "malformed"


def test_a_second_scheme_is_refused(refusal, key):
    assert refusal(bearer(signed(key, header(), claims()))) == "malformed"


def test_a_token_that_is_too_long_is_refused_before_anything_is_decoded(refusal, key, peer):
    long = signed(key, header(), claims(filler="x" * 5500))
    assert len(long) > MAX_TOKEN_LENGTH - 600
    assert refusal(signed(key, header(), claims(filler="x" * 6000))) == "malformed"
    assert refusal(signed(key, header(kid="k" * 1_000_000), claims())) == "malformed"
    assert refusal("a" * 10_000_000) == "malformed"
    assert peer.fetches == 1
