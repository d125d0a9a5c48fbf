"""Invalid claims are refused though signed, and no input raises any other error."""

import contextlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.errors import MissingTokenError, UnknownAppError
from receiver.trust.callback_tokens import RefusedTokenError, TokenVerifier
from tests.support.key_provider import Peer
from tests.support.tokens import (
    ABSENT,
    APP,
    ISSUERS,
    NOW,
    OTHER_APP,
    base64url,
    bearer,
    claims,
    header,
    signed,
)
from tests.trust.fixture_types import Refusal


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"exp": NOW - 300}, "expired"),
        ({"exp": 0}, "expired"),
        ({"nbf": NOW + 301}, "not-yet-valid"),
        ({"aud": OTHER_APP}, "audience"),
        ({"aud": f"{APP} "}, "audience"),
        ({"aud": f"https://graph.microsoft.com/{APP}"}, "audience"),
        ({"aud": f"api://{OTHER_APP}"}, "audience"),
        ({"aud": f"API://{APP}"}, "audience"),
        ({"aud": f"botid-{APP}"}, "audience"),
        ({"aud": f"api://botid-botid-{APP}"}, "audience"),
        ({"aud": f"api://api://{APP}"}, "audience"),
        ({"aud": f"api://{APP}/"}, "audience"),
        ({"aud": f"api://example.com/{APP}"}, "audience"),
        ({"aud": f"api://{APP.replace('-', '')}"}, "audience"),
        ({"aud": [OTHER_APP, APP[:-1]]}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": [[APP]]}, "audience"),
        ({"aud": {APP: APP}}, "audience"),
        ({"aud": ""}, "audience"),
        ({"aud": 5}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": ABSENT}, "audience"),
        ({"iss": "https://example.com"}, "issuer"),
        ({"iss": f"{ISSUERS[0]}/"}, "issuer"),
        ({"iss": ISSUERS[0].upper()}, "issuer"),
        ({"iss": list(ISSUERS)}, "issuer"),
        ({"iss": ""}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": ABSENT}, "issuer"),
        ({"tid": ABSENT}, "tenant"),
        ({"tid": ""}, "tenant"),
        ({"tid": 5}, "tenant"),
        ({"tid": ["a"]}, "tenant"),
        ({"tid": True}, "tenant"),
    ],
)
def test_wrong_claims_are_refused_without_a_fetch(
    refusal: Refusal, key: RSAPrivateKey, peer: Peer, members: dict[str, object], reason: str
) -> None:
    assert refusal(signed(key, header(), claims(**members))) == reason
    assert refusal(signed(key, header(kid="unknown"), claims(**members))) == reason
    assert peer.fetches == 1


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize(
    "value",
    [
        '"1900000000"',
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1",
        "1e300",
        "9" * 400,
        "[1900000000]",
        "{}",
        "true",
        "null",
        '"never"',
        "253402300800",
    ],
)
def test_invalid_times_are_refused(refusal: Refusal, key: RSAPrivateKey, name: str, value: str) -> None:
    payload = json.dumps(claims(**{name: "TIME"})).replace('"TIME"', value).encode()
    assert refusal(signed(key, header(), payload)) == "times"


def test_token_without_expiry_is_refused(refusal: Refusal, key: RSAPrivateKey) -> None:
    assert refusal(signed(key, header(), claims(exp=ABSENT))) == "times"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
fuzz = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@fuzz
@given(member=st.sampled_from(["alg", "kid", "typ", "cty", "crit", "b64", "jwk"]), value=anything)
def test_any_header_is_accepted_or_refused(
    verifier: TokenVerifier, key: RSAPrivateKey, member: str, value: object
) -> None:
    _verify(verifier, bearer(signed(key, header(**{member: value}), claims())))


@fuzz
@given(member=st.sampled_from(["iss", "aud", "tid", "exp", "nbf", "iat", "sub", "jti"]), value=anything)
def test_any_claim_is_accepted_or_refused(
    verifier: TokenVerifier, key: RSAPrivateKey, member: str, value: object
) -> None:
    _verify(verifier, bearer(signed(key, header(), claims(**{member: value}))))


@fuzz
@given(st.text() | st.binary().map(base64url) | st.lists(st.binary().map(base64url)).map(".".join), st.text())
def test_any_text_is_accepted_or_refused(verifier: TokenVerifier, token: str, app_id: str) -> None:
    _verify(verifier, bearer(token))
    _verify(verifier, token, app_id)


def _verify(verifier: TokenVerifier, authorization: str, app_id: str | None = None) -> None:
    with contextlib.suppress(MissingTokenError, RefusedTokenError, UnknownAppError):
        verifier.verify(authorization, app_id)
