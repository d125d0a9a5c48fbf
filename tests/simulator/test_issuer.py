from datetime import timedelta
from pathlib import Path

import jwt
import pytest
import urllib3

from receiver.simulator.issuer import BOT_FRAMEWORK, GRAPH, LONG_TENANT_CLAIM, Issuer
from tests.simulator.verifying import APP, TENANT, fetch, served_keys, verified


def test_the_metadata_document_is_like_graphs(issuer: Issuer) -> None:
    document = fetch(issuer.metadata_url)
    assert issuer.metadata_url.endswith("/v1/.well-known/OpenIdConfiguration")
    assert document["issuer"] == BOT_FRAMEWORK
    assert document["id_token_signing_alg_values_supported"] == ["RSA256"]
    assert document["jwks_uri"].endswith("/v1/keys")


def test_a_served_key_is_public_and_like_graphs(issuer: Issuer) -> None:
    [key] = fetch(fetch(issuer.metadata_url)["jwks_uri"])["keys"]
    assert {"kty", "use", "kid", "n", "e", "endorsements"} <= key.keys()
    assert key["use"] == "sig"
    assert "d" not in key


def test_other_addresses_are_not_found(issuer: Issuer) -> None:
    url = issuer.metadata_url.replace("v1", "v2")
    assert urllib3.request("GET", url, retries=False, headers={"Connection": "close"}).status == 404


def test_a_token_verifies_against_the_served_keys(issuer: Issuer) -> None:
    claims = verified(issuer, issuer.token(audience=APP, tenant_id=TENANT))
    assert claims["tid"] == TENANT
    assert "iat" not in claims


def test_a_token_in_graphs_other_form_verifies(issuer: Issuer) -> None:
    token = issuer.token(
        audience=APP,
        tenant_id=TENANT,
        issuer=GRAPH,
        lifetime=timedelta(minutes=5),
        tenant_claim=LONG_TENANT_CLAIM,
        headers={"cty": "JWT"},
    )
    claims = verified(issuer, token)
    assert claims[LONG_TENANT_CLAIM] == TENANT
    assert claims["exp"] - claims["nbf"] == 300
    assert jwt.get_unverified_header(token)["cty"] == "JWT"


def test_the_times_of_a_token_come_from_the_clock(key_file: Path) -> None:
    token = Issuer(key_file, clock=lambda: 1_000_000.9).token(audience=APP, tenant_id=TENANT)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["nbf"], claims["exp"]) == (1_000_000, 1_003_600)


def test_the_key_file_is_readable_by_its_owner_only(issuer: Issuer, key_file: Path) -> None:
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_the_key_id_survives_restarts(key_file: Path) -> None:
    with Issuer(key_file) as first:
        token = first.token(audience=APP, tenant_id=TENANT)
    with Issuer(key_file) as second:
        assert verified(second, token)["aud"] == APP


def test_without_a_file_each_key_is_new() -> None:
    assert Issuer().key.kid != Issuer().key.kid


def test_a_malformed_key_file_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a key")
    with pytest.raises(ValueError):  # noqa: PT011  # cryptography's words
        Issuer(path)
    assert path.read_text() == "not a key"


def test_after_a_rotation_old_and_new_tokens_verify(issuer: Issuer) -> None:
    old = issuer.token(audience=APP, tenant_id=TENANT)
    issuer.rotate()
    new = issuer.token(audience=APP, tenant_id=TENANT)
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    assert verified(issuer, old)
    assert verified(issuer, new)
    assert len(served_keys(issuer).keys) == 2


def test_a_freed_port_can_be_used_again(key_file: Path) -> None:
    first = Issuer(key_file)
    with first:
        port = int(first.metadata_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"):
            Issuer(key_file, port=port).start()
    with Issuer(key_file, port=port) as second:
        assert fetch(second.metadata_url)
