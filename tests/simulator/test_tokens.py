import base64
import hashlib
import hmac

import jwt
import pytest

from receiver.simulator.issuer import Issuer
from receiver.simulator.token_kinds import MAKERS, TokenKind
from tests.simulator.verifying import APP, TENANT, verified


def test_every_kind_has_a_maker() -> None:
    assert MAKERS.keys() == set(TokenKind)


@pytest.mark.parametrize("kind", [TokenKind.VALID, TokenKind.ROTATED_KEY])
def test_valid_kinds_verify(issuer: Issuer, kind: TokenKind) -> None:
    assert verified(issuer, MAKERS[kind](issuer, APP, TENANT))["tid"] == TENANT
    assert kind.expected_statuses == {202, 204}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (TokenKind.UNSIGNED, jwt.InvalidAlgorithmError),
        (TokenKind.EXPIRED, jwt.ExpiredSignatureError),
        (TokenKind.OTHER_AUDIENCE, jwt.InvalidAudienceError),
        (TokenKind.OTHER_ISSUER, jwt.InvalidIssuerError),
        (TokenKind.PUBLIC_KEY_AS_SECRET, jwt.InvalidAlgorithmError),
        (TokenKind.FOREIGN_KEY, jwt.InvalidSignatureError),
    ],
)
def test_a_forgery_fails_for_its_own_reason(issuer: Issuer, kind: TokenKind, error: type[Exception]) -> None:
    token = MAKERS[kind](issuer, APP, TENANT)
    assert jwt.get_unverified_header(token)["kid"] == issuer.key.kid
    with pytest.raises(error):
        verified(issuer, token)
    assert kind.expected_statuses == {401}


def test_the_public_key_as_secret_verifies_by_the_alg_header(issuer: Issuer) -> None:
    token = MAKERS[TokenKind.PUBLIC_KEY_AS_SECRET](issuer, APP, TENANT)
    message, _, signature = token.rpartition(".")
    expected = hmac.digest(issuer.key.public_pem(), message.encode(), hashlib.sha256)
    assert base64.urlsafe_b64decode(signature + "=") == expected
