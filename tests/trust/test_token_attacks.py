"""Tokens with an invalid form or signature: the attacks of RFC 8725, and more."""

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from receiver.trust.callback_tokens import MAX_TOKEN_LENGTH
from tests.support.key_provider import Peer
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
from tests.trust.fixture_types import Refusal

PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PKCS1 = (Encoding.PEM, PublicFormat.PKCS1)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", None, 5, ["RS256"], {"a": "RS256"}, ABSENT]
)
def test_token_without_an_algorithm_is_refused(
    refusal: Refusal, key: RSAPrivateKey, algorithm: object
) -> None:
    head = header(alg=algorithm)
    assert refusal(signed(key, head, claims())) == "algorithm"
    assert refusal(f"{unsigned(head, claims())}.") == "malformed"
    assert refusal(f"{unsigned(head, claims())}.AA") == "algorithm"


@pytest.mark.parametrize(
    "algorithm", ["HS256", "PS256", "ES256", "EdDSA", "rs256", "RS1", "RSA256", "RS256 "]
)
def test_other_algorithm_is_refused_without_a_fetch(
    refusal: Refusal, key: RSAPrivateKey, peer: Peer, algorithm: object
) -> None:
    assert refusal(signed(key, header(alg=algorithm, kid="unknown"), claims())) == "algorithm"
    assert peer.fetches == 1


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
@pytest.mark.parametrize("encoding", [PEM, DER, PKCS1])
def test_public_key_is_not_accepted_as_hmac_secret(
    refusal: Refusal, key: RSAPrivateKey, algorithm: object, encoding: tuple[Encoding, PublicFormat]
) -> None:
    secret = key.public_key().public_bytes(*encoding)
    token = signed_with_secret(secret, header(alg=algorithm), claims())
    assert refusal(token) == ("algorithm" if algorithm == "HS256" else "signature")


def test_jwk_text_is_not_accepted_as_hmac_secret(refusal: Refusal, key: RSAPrivateKey) -> None:
    token = signed_with_secret(json.dumps(jwk(key)).encode(), header(alg="HS256"), claims())
    assert refusal(token) == "algorithm"


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_other_padding_is_refused(refusal: Refusal, key: RSAPrivateKey, algorithm: object) -> None:
    content = unsigned(header(alg=algorithm), claims())
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = key.sign(content.encode(), scheme, hashes.SHA256())
    assert refusal(f"{content}.{base64url(signature)}") == (
        "algorithm" if algorithm == "PS256" else "signature"
    )


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_other_kind_of_key_is_refused(
    refusal: Refusal, curve_key: EllipticCurvePrivateKey, algorithm: object
) -> None:
    content = unsigned(header(alg=algorithm), claims())
    signature = curve_key.sign(content.encode(), ec.ECDSA(hashes.SHA256()))
    assert refusal(f"{content}.{base64url(signature)}") == (
        "algorithm" if algorithm == "ES256" else "signature"
    )


def test_algorithm_must_match_the_signature(refusal: Refusal, key: RSAPrivateKey) -> None:
    content = unsigned(header(alg="RS512"), claims())
    signature = key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert refusal(f"{content}.{base64url(signature)}") == "signature"


@pytest.mark.parametrize("kid", [ABSENT, None, 5, True, [], ["key-1"], {"key-1": 1}, "k" * 257, "k" * 5000])
def test_invalid_key_id_is_refused_without_a_fetch(
    refusal: Refusal, key: RSAPrivateKey, peer: Peer, kid: object
) -> None:
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
def test_key_id_is_looked_up_in_the_key_set_only(
    refusal: Refusal, key: RSAPrivateKey, peer: Peer, kid: object
) -> None:
    assert refusal(signed(key, header(kid=kid), claims())) == "unknown-key"
    assert set(peer.requests) == {"/metadata", "/keys"}


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_key_within_the_token_is_ignored(
    refusal: Refusal, other_key: RSAPrivateKey, peer: Peer, member: str
) -> None:
    evil = {"jwk": jwk(other_key), "x5c": ["MIIB"]}.get(member, f"{peer.origin}/evil")
    assert refusal(signed(other_key, header(**{member: evil}), claims())) == "signature"
    assert refusal(signed(other_key, header(kid="evil", **{member: evil}), claims())) == "unknown-key"
    assert "/evil" not in peer.requests


@pytest.mark.parametrize("crit", [["b64"], ["exp"], ["x", "y"], [], None, "exp", {}, [5]])
@pytest.mark.parametrize("b64", [True, ABSENT])
def test_critical_extensions_are_refused(
    refusal: Refusal, key: RSAPrivateKey, crit: object, b64: object
) -> None:
    assert refusal(signed(key, header(crit=crit, b64=b64), claims())) == "malformed"


@pytest.mark.parametrize("crit", [["b64"], ABSENT])
def test_unencoded_payload_is_refused(refusal: Refusal, key: RSAPrivateKey, crit: object) -> None:
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
def test_altered_token_is_refused(
    refusal: Refusal, key: RSAPrivateKey, part: int, change: Callable[[str], str]
) -> None:
    parts = signed(key, header(), claims()).split(".")
    parts[part] = change(parts[part])
    assert refusal(".".join(parts)) in {"malformed", "signature", "algorithm"}


def test_unused_bits_of_the_last_letter_are_refused(refusal: Refusal, key: RSAPrivateKey) -> None:
    content, _, signature = signed(key, header(), claims()).rpartition(".")
    other = signature[:-1] + chr(ord(signature[-1]) + 1)
    assert base64.urlsafe_b64decode(f"{other}==") == base64.urlsafe_b64decode(f"{signature}==")
    assert refusal(f"{content}.{other}") == "malformed"


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b'"a"', b"5", b"\xff", b"{", b"[" * 4000, b"9" * 4999]
)
def test_part_that_is_not_an_object_is_refused(refusal: Refusal, key: RSAPrivateKey, content: bytes) -> None:
    assert refusal(signed(key, content, claims())) == "malformed"
    assert refusal(signed(key, header(), content)) == "malformed"


def test_signature_of_another_key_is_refused(refusal: Refusal, other_key: RSAPrivateKey) -> None:
    assert refusal(signed(other_key, header(), claims())) == "signature"


def test_encrypted_token_is_refused(refusal: Refusal) -> None:
    head = base64url(b'{"alg":"RSA-OAEP","enc":"A256GCM","kid":"key-1"}')
    assert refusal(f"{head}.AAAA.AAAA.AAAA.AAAA") == "malformed"


def test_nested_token_is_refused(refusal: Refusal, key: RSAPrivateKey) -> None:
    inner = signed(key, header(), claims())
    assert refusal(signed(key, header(cty="JWT"), inner.encode())) == "malformed"
    assert refusal(signed(key, header(cty="JWT"), json.dumps(inner).encode())) == "malformed"


@pytest.mark.parametrize(
    "token", ["Bearer", "a", ".", "..", "...", "a.b", "a.b.c", "\x00", "a.b.c, Bearer a.b.c"]
)
def test_text_that_is_not_a_token_is_refused(refusal: Refusal, token: str) -> None:
    assert refusal(token) == "malformed"


def test_second_scheme_is_refused(refusal: Refusal, key: RSAPrivateKey) -> None:
    assert refusal(bearer(signed(key, header(), claims()))) == "malformed"


def test_too_long_token_is_refused_undecoded(refusal: Refusal, key: RSAPrivateKey, peer: Peer) -> None:
    long = signed(key, header(), claims(filler="x" * 5500))
    assert len(long) > MAX_TOKEN_LENGTH - 600
    assert refusal(signed(key, header(), claims(filler="x" * 6000))) == "malformed"
    assert refusal(signed(key, header(kid="k" * 1_000_000), claims())) == "malformed"
    assert refusal("a" * 10_000_000) == "malformed"
    assert peer.fetches == 1
