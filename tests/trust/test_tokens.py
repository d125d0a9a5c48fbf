"""What good tokens are, who may speak, and what is remembered."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from receiver.errors import (
    KeysUnavailableError,
    MissingTokenError,
    NotConfiguredError,
    TenantNotAllowedError,
    UnknownAppError,
)
from receiver.trust.callback_tokens import Caller, RefusedTokenError, TokenVerifier
from tests.support.tokens import (
    ABSENT,
    APP,
    ISSUERS,
    NOW,
    OTHER_APP,
    TENANT,
    bearer,
    claims,
    header,
    jwk,
    signed,
    unsigned,
)

LONG_TENANT_CLAIM = "http://schemas.microsoft.com/identity/claims/tenantid"


@pytest.fixture
def make_verifier(key_set, clock):
    def make(**options):
        defaults = {"app_ids": (APP, OTHER_APP), "tenants": (), "issuers": ISSUERS, "clock": clock}
        return TokenVerifier(key_set, **{**defaults, **options})

    return make


@pytest.fixture
def verifier(make_verifier):
    return make_verifier()


@pytest.fixture
def token(key):
    """A builder of the header of a request, with a good signature."""
    return lambda head=None, **members: bearer(signed(key, head or header(), claims(**members)))


@pytest.fixture
def signatures(monkeypatch):
    """Count the signatures that are verified."""
    verified = []
    decode = jwt.decode
    monkeypatch.setattr(
        jwt, "decode", lambda *args, **options: verified.append(1) or decode(*args, **options)
    )
    return verified


@pytest.fixture
def renew(key_set, peer, clock):
    """Have the provider show other keys, and the key set fetch them because of a new key id."""

    def renew(*keys):
        clock.advance(31)
        peer.keys = [*keys, jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048), "new")]
        key_set.get("new")

    return renew


def reason(verifier, authorization, app_id=None):
    with pytest.raises(RefusedTokenError) as caught:
        verifier.verify(authorization, app_id)
    assert caught.value.reason not in caught.value.detail
    assert not caught.value.extensions
    return caught.value.reason


@pytest.mark.parametrize("issuer", ISSUERS)
def test_a_good_token_tells_who_speaks(verifier, token, issuer):
    assert verifier.verify(token(iss=issuer)) == Caller(APP, TENANT, issuer)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_three_algorithms_are_good(verifier, token, algorithm):
    assert verifier.verify(token(header(alg=algorithm)))


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
def test_other_members_of_the_header_do_not_matter(verifier, token, members):
    assert verifier.verify(token(header(**members)))


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
def test_claims_that_are_good(verifier, token, members):
    assert verifier.verify(token(**members)) == Caller(APP, TENANT, ISSUERS[0])


def test_members_that_stand_twice_do_not_matter(verifier, key):
    payload = f'{{"iss": 5, "iss": "{ISSUERS[0]}", "aud": "{APP}", "tid": "{TENANT}", "exp": {NOW + 60}}}'
    assert verifier.verify(bearer(signed(key, header(), payload.encode())))


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_the_scheme_is_read_whatever_its_case(verifier, token, scheme):
    assert verifier.verify(scheme + token().removeprefix("Bearer ") + " ")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic abc", "a.b.c", "BearerX a.b.c"]
)
def test_a_missing_token_is_told_from_a_bad_one(verifier, authorization):
    with pytest.raises(MissingTokenError):
        verifier.verify(authorization)


def test_without_app_ids_the_setting_is_named_before_anything_else(make_verifier, token):
    for authorization in (None, token()):
        with pytest.raises(NotConfiguredError, match="RECEIVER_APP_IDS"):
            make_verifier(app_ids=()).verify(authorization, "unknown")


def test_an_app_that_is_not_set_is_not_found_before_the_token_is_looked_at(verifier, peer):
    with pytest.raises(UnknownAppError):
        verifier.verify("Bearer a.b.c", TENANT)
    assert peer.requests == []


def test_the_address_names_the_only_audience(verifier, token):
    assert verifier.verify(token(aud=OTHER_APP)).app_id == OTHER_APP
    assert verifier.verify(token(aud=OTHER_APP), OTHER_APP).app_id == OTHER_APP
    assert verifier.verify(token(aud=APP), APP.upper()).app_id == APP
    assert reason(verifier, token(aud=APP), OTHER_APP) == "audience"


def test_a_token_for_both_apps_speaks_to_the_one_of_the_address(verifier, token):
    both = token(aud=[OTHER_APP, APP])
    assert [verifier.verify(both, app).app_id for app in (None, APP, OTHER_APP)] == [APP, APP, OTHER_APP]


def test_a_remembered_token_is_still_held_to_the_address(verifier, token):
    good = token()
    for _ in range(2):
        assert verifier.verify(good, APP).app_id == APP
        assert reason(verifier, good, OTHER_APP) == "audience"
        with pytest.raises(UnknownAppError):
            verifier.verify(good, TENANT)


def test_a_tenant_on_the_list_may_speak(make_verifier, token):
    assert make_verifier(tenants={TENANT.upper()}).verify(token()).tenant_id == TENANT


def test_a_tenant_not_on_the_list_may_not_speak_however_often_it_tries(make_verifier, token):
    verifier, good = make_verifier(tenants={APP}), token()
    for _ in range(2):
        with pytest.raises(TenantNotAllowedError) as caught:
            verifier.verify(good)
        assert caught.value.status == 403


def test_a_forged_token_does_not_learn_about_tenants(make_verifier, other_key):
    forged = bearer(signed(other_key, header(), claims()))
    assert reason(make_verifier(tenants={APP}), forged) == "signature"


def test_a_remembered_token_is_good_until_it_expires(verifier, token, signatures, clock):
    good = token(exp=NOW + 100)
    for _ in range(3):
        verifier.verify(good)
    clock.advance(399)
    assert verifier.verify(good)
    assert len(signatures) == 1
    clock.advance(1)
    assert reason(verifier, good) == "expired"


def test_a_remembered_token_ends_when_its_key_is_withdrawn(verifier, token, renew):
    good = token(exp=NOW + 1e9)
    verifier.verify(good)
    renew()
    assert reason(verifier, good) == "unknown-key"


def test_a_remembered_token_ends_when_its_key_is_replaced(verifier, token, renew, other_key):
    good = token(exp=NOW + 1e9)
    verifier.verify(good)
    renew(jwk(other_key))
    assert reason(verifier, good) == "signature"


def test_a_remembered_token_outlasts_keys_that_are_fetched_again(verifier, token, renew, key, signatures):
    good = token()
    verifier.verify(good)
    renew(jwk(key))
    assert verifier.verify(good)
    assert len(signatures) == 1


@pytest.mark.parametrize("seconds", [3600, -1])
def test_a_remembered_token_is_verified_again_after_an_hour(verifier, token, signatures, clock, seconds):
    good = token(exp=NOW + 1e9)
    for _ in range(3):
        verifier.verify(good)
    clock.advance(seconds)  # or as soon as the clock was set back, which would make the hour longer
    for _ in range(3):
        verifier.verify(good)
    assert len(signatures) == 2


def test_the_least_used_token_is_forgotten_first(make_verifier, token, signatures):
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


def test_only_a_token_found_good_is_remembered(verifier, token, clock):
    good = token()
    forged = good[:-8] + "AAAAAAAA"
    assert not verifier.remembers(good)
    verifier.verify(good)
    assert verifier.remembers(good)
    with pytest.raises(RefusedTokenError):
        verifier.verify(forged)
    assert not any(
        verifier.remembers(other) for other in (forged, "Bearer", "Bearer ", "", good.split(" ")[1])
    )
    clock.advance(24 * 3600)
    assert not verifier.remembers(good)


def test_bad_tokens_are_not_remembered(verifier, token, clock):
    early = token(nbf=NOW + 400)
    assert reason(verifier, early) == "not-yet-valid"
    clock.advance(100)
    assert verifier.verify(early)


def test_a_rotated_key_is_found(verifier, token, peer, other_key):
    verifier.verify(token())
    peer.keys = [jwk(other_key, "key-2")]
    assert verifier.verify(bearer(signed(other_key, header(kid="key-2"), claims())))


def test_a_flood_of_unknown_keys_costs_one_fetch_and_holds_up_nobody(verifier, token, peer):
    verifier.verify(token())
    for number in range(1000):
        forged = bearer(f"{unsigned(header(kid=f'unknown-{number}'), claims())}.AAAA")
        assert reason(verifier, forged) == "unknown-key"
        if number % 100 == 0:
            assert verifier.verify(token(jti=str(number)))
    assert peer.fetches == 2


def test_without_keys_no_token_is_judged(verifier, token, peer):
    peer.stop()
    with pytest.raises(KeysUnavailableError):
        verifier.verify(token())
