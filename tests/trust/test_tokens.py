"""Valid tokens, accepted tenants and apps, and the cache of verified tokens."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.errors import (
    KeysUnavailableError,
    MissingTokenError,
    NotConfiguredError,
    TenantNotAllowedError,
    UnknownAppError,
)
from receiver.trust.callback_tokens import Caller, RefusedTokenError, TokenVerifier
from receiver.trust.key_set import KeySet
from tests.support.key_provider import Peer
from tests.support.tokens import (
    ABSENT,
    APP,
    ISSUERS,
    NOW,
    OTHER_APP,
    TENANT,
    Clock,
    bearer,
    claims,
    header,
    jwk,
    signed,
    unsigned,
)
from tests.trust.fixture_types import MakeToken, MakeVerifier, Renew

LONG_TENANT_CLAIM = "http://schemas.microsoft.com/identity/claims/tenantid"


@pytest.fixture
def make_verifier(key_set: KeySet, clock: Clock) -> MakeVerifier:
    def make(**options: Any) -> TokenVerifier:
        defaults: dict[str, Any] = {
            "app_ids": (APP, OTHER_APP),
            "tenants": (),
            "issuers": ISSUERS,
            "clock": clock,
        }
        return TokenVerifier(key_set, **{**defaults, **options})

    return make


@pytest.fixture
def verifier(make_verifier: MakeVerifier) -> TokenVerifier:
    return make_verifier()


@pytest.fixture
def token(key: RSAPrivateKey) -> MakeToken:
    """A builder of Authorization headers with validly signed tokens."""

    def make(head: object = None, **members: object) -> str:
        return bearer(signed(key, head or header(), claims(**members)))

    return make


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The tokens whose signatures are verified."""
    verified: list[object] = []
    decode = jwt.decode

    def record(token: str, *args: Any, **options: Any) -> object:
        verified.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr(jwt, "decode", record)
    return verified


@pytest.fixture
def renew(key_set: KeySet, peer: Peer, clock: Clock) -> Renew:
    """Replace the provider's keys, and make the key set fetch them by an unknown key id."""

    def renew(*keys: dict[str, object]) -> None:
        clock.advance(31)
        peer.keys = [*keys, jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048), "new")]
        key_set.get("new")

    return renew


def reason(verifier: TokenVerifier, authorization: str, app_id: str | None = None) -> str:
    with pytest.raises(RefusedTokenError) as caught:
        verifier.verify(authorization, app_id)
    assert caught.value.reason not in caught.value.detail
    assert not caught.value.extensions
    return caught.value.reason


@pytest.mark.parametrize("issuer", ISSUERS)
def test_valid_token_returns_its_caller(verifier: TokenVerifier, token: MakeToken, issuer: str) -> None:
    assert verifier.verify(token(iss=issuer)) == Caller(APP, TENANT, issuer)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_accepted_algorithms_verify(verifier: TokenVerifier, token: MakeToken, algorithm: str) -> None:
    assert verifier.verify(token(header(alg=algorithm))).app_id == APP


@pytest.mark.parametrize(
    "members",
    [
        {"cty": "JWT"},
        {"typ": ABSENT},
        {"typ": "at+jwt"},
        {"x5t": "key-1"},
        {"b64": True},
        {"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/", "x5c": ["?"], "jwk": {"kty": "RSA"}},
    ],
)
def test_other_header_members_are_ignored(
    verifier: TokenVerifier, token: MakeToken, members: dict[str, object]
) -> None:
    assert verifier.verify(token(header(**members))).app_id == APP


@pytest.mark.parametrize(
    "members",
    [
        {"iat": ABSENT},
        {"iat": NOW + 9e9},
        {"iat": "yesterday"},
        {"nbf": ABSENT},
        {"nbf": NOW + 299},
        {"exp": NOW - 299},
        {"exp": NOW + 0.5},
        {"sub": 5, "jti": 5},
        {"aud": APP.upper()},
        {"aud": [APP]},
        {"aud": f"api://{APP}"},
        {"aud": f"api://botid-{APP}"},
        {"aud": [f"api://botid-{APP.upper()}"]},
        {"aud": ["https://example.com", 5, None, APP]},
        {"tid": TENANT.upper()},
        {"tid": ABSENT, LONG_TENANT_CLAIM: TENANT},
        {"tid": None, LONG_TENANT_CLAIM: TENANT},
        {"tid": "", LONG_TENANT_CLAIM: TENANT},
    ],
)
def test_valid_claims_are_accepted(
    verifier: TokenVerifier, token: MakeToken, members: dict[str, object]
) -> None:
    assert verifier.verify(token(**members)) == Caller(APP, TENANT, ISSUERS[0])


def test_duplicate_members_take_the_last_value(verifier: TokenVerifier, key: RSAPrivateKey) -> None:
    payload = f'{{"iss": 5, "iss": "{ISSUERS[0]}", "aud": "{APP}", "tid": "{TENANT}", "exp": {NOW + 60}}}'
    assert verifier.verify(bearer(signed(key, header(), payload.encode()))).app_id == APP


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_scheme_is_case_insensitive(verifier: TokenVerifier, token: MakeToken, scheme: str) -> None:
    assert verifier.verify(scheme + token().removeprefix("Bearer ") + " ").app_id == APP


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic abc", "a.b.c", "BearerX a.b.c"]
)
def test_missing_token_is_not_a_refused_token(verifier: TokenVerifier, authorization: str | None) -> None:
    with pytest.raises(MissingTokenError):
        verifier.verify(authorization)


def test_verifier_without_app_ids_names_the_setting(make_verifier: MakeVerifier, token: MakeToken) -> None:
    for authorization in (None, token()):
        with pytest.raises(NotConfiguredError, match="RECEIVER_APP_IDS"):
            make_verifier(app_ids=()).verify(authorization, "unknown")


def test_unknown_app_is_refused_before_the_token_is_read(verifier: TokenVerifier, peer: Peer) -> None:
    with pytest.raises(UnknownAppError):
        verifier.verify("Bearer a.b.c", TENANT)
    assert peer.requests == []


def test_app_in_the_address_must_be_the_audience(verifier: TokenVerifier, token: MakeToken) -> None:
    assert verifier.verify(token(aud=OTHER_APP)).app_id == OTHER_APP
    assert verifier.verify(token(aud=OTHER_APP), OTHER_APP).app_id == OTHER_APP
    assert verifier.verify(token(aud=APP), APP.upper()).app_id == APP
    assert reason(verifier, token(aud=APP), OTHER_APP) == "audience"


def test_token_for_two_apps_is_for_the_app_in_the_address(verifier: TokenVerifier, token: MakeToken) -> None:
    both = token(aud=[OTHER_APP, APP])
    assert [verifier.verify(both, app).app_id for app in (None, APP, OTHER_APP)] == [APP, APP, OTHER_APP]


def test_cached_token_is_checked_against_the_address(verifier: TokenVerifier, token: MakeToken) -> None:
    good = token()
    for _ in range(2):
        assert verifier.verify(good, APP).app_id == APP
        assert reason(verifier, good, OTHER_APP) == "audience"
        with pytest.raises(UnknownAppError):
            verifier.verify(good, TENANT)


def test_listed_tenant_is_accepted(make_verifier: MakeVerifier, token: MakeToken) -> None:
    assert make_verifier(tenants={TENANT.upper()}).verify(token()).tenant_id == TENANT


def test_unlisted_tenant_is_refused_each_time(make_verifier: MakeVerifier, token: MakeToken) -> None:
    verifier, good = make_verifier(tenants={APP}), token()
    for _ in range(2):
        with pytest.raises(TenantNotAllowedError) as caught:
            verifier.verify(good)
        assert caught.value.status == 403


def test_forged_token_is_refused_before_its_tenant(
    make_verifier: MakeVerifier, other_key: RSAPrivateKey
) -> None:
    forged = bearer(signed(other_key, header(), claims()))
    assert reason(make_verifier(tenants={APP}), forged) == "signature"


def test_cached_token_is_accepted_until_it_expires(
    verifier: TokenVerifier, token: MakeToken, signatures: list[object], clock: Clock
) -> None:
    good = token(exp=NOW + 100)
    for _ in range(3):
        verifier.verify(good)
    clock.advance(399)
    assert verifier.verify(good).app_id == APP
    assert len(signatures) == 1
    clock.advance(1)
    assert reason(verifier, good) == "expired"


def test_cached_token_with_a_withdrawn_key_is_refused(
    verifier: TokenVerifier, token: MakeToken, renew: Renew
) -> None:
    good = token(exp=NOW + 1e9)
    verifier.verify(good)
    renew()
    assert reason(verifier, good) == "unknown-key"


def test_cached_token_with_a_replaced_key_is_refused(
    verifier: TokenVerifier, token: MakeToken, renew: Renew, other_key: RSAPrivateKey
) -> None:
    good = token(exp=NOW + 1e9)
    verifier.verify(good)
    renew(jwk(other_key))
    assert reason(verifier, good) == "signature"


def test_cached_token_survives_a_refetch_of_its_key(
    verifier: TokenVerifier, token: MakeToken, renew: Renew, key: RSAPrivateKey, signatures: list[object]
) -> None:
    good = token()
    verifier.verify(good)
    renew(jwk(key))
    assert verifier.verify(good).app_id == APP
    assert len(signatures) == 1


@pytest.mark.parametrize("seconds", [3600, -1])
def test_cached_token_is_verified_again_after_an_hour(
    verifier: TokenVerifier, token: MakeToken, signatures: list[object], clock: Clock, seconds: float
) -> None:
    good = token(exp=NOW + 1e9)
    for _ in range(3):
        verifier.verify(good)
    clock.advance(seconds)  # or a clock that was set back, which must not extend the hour
    for _ in range(3):
        verifier.verify(good)
    assert len(signatures) == 2


def test_full_cache_drops_the_least_recently_used(
    make_verifier: MakeVerifier, token: MakeToken, signatures: list[object]
) -> None:
    verifier = make_verifier(cache_size=2)
    first, second, third = (token(jti=name) for name in "abc")
    for good in (first, second, first, third):
        verifier.verify(good)
    assert len(signatures) == 3
    verifier.verify(first)
    verifier.verify(third)
    assert len(signatures) == 3
    verifier.verify(second)
    assert len(signatures) == 4


def test_only_valid_tokens_are_cached(verifier: TokenVerifier, token: MakeToken, clock: Clock) -> None:
    good = token()
    forged = good[:-8] + "AAAAAAAA"
    assert not verifier.is_cached(good)
    verifier.verify(good)
    assert verifier.is_cached(good)
    with pytest.raises(RefusedTokenError):
        verifier.verify(forged)
    assert not any(
        verifier.is_cached(other) for other in (forged, "Bearer", "Bearer ", "", good.split(" ")[1])
    )
    clock.advance(24 * 3600)
    assert not verifier.is_cached(good)


def test_refused_token_is_verified_again(verifier: TokenVerifier, token: MakeToken, clock: Clock) -> None:
    early = token(nbf=NOW + 400)
    assert reason(verifier, early) == "not-yet-valid"
    clock.advance(100)
    assert verifier.verify(early).app_id == APP


def test_rotated_key_is_found(
    verifier: TokenVerifier, token: MakeToken, peer: Peer, other_key: RSAPrivateKey
) -> None:
    verifier.verify(token())
    peer.keys = [jwk(other_key, "key-2")]
    assert verifier.verify(bearer(signed(other_key, header(kid="key-2"), claims()))).app_id == APP


def test_flood_of_unknown_keys_causes_one_fetch(
    verifier: TokenVerifier, token: MakeToken, peer: Peer
) -> None:
    verifier.verify(token())
    for number in range(1000):
        forged = bearer(f"{unsigned(header(kid=f'unknown-{number}'), claims())}.AAAA")
        assert reason(verifier, forged) == "unknown-key"
        if number % 100 == 0:
            assert verifier.verify(token(jti=str(number))).app_id == APP
    assert peer.fetches == 2


def test_verifier_without_keys_raises_unavailable(
    verifier: TokenVerifier, token: MakeToken, peer: Peer
) -> None:
    peer.stop()
    with pytest.raises(KeysUnavailableError):
        verifier.verify(token())
