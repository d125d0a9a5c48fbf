"""Effects of settings, each with a receiver of its own."""

from datetime import timedelta

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.service import APP_ID, TENANT
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer


def test_callback_without_app_id_names_the_setting(start: Start) -> None:
    service = start(issuer=None)
    refused = service.call_back(operation(), token="x")
    assert (refused.status, refused.problem) == (503, "not-configured")
    assert "RECEIVER_APP_IDS" in refused.json["detail"]
    assert refused.headers["Retry-After"]
    ready = service.get("/readyz")
    assert (ready.status, ready.json["status"]) == (503, "not ready")


def test_query_without_api_keys_names_the_setting(start: Start) -> None:
    service = start(RECEIVER_API_KEYS="")
    assert service.call_back(operation()).status == 202
    refused = service.get("/operations/invite-1")
    assert (refused.status, refused.problem) == (503, "not-configured")
    assert "RECEIVER_API_KEYS" in refused.json["detail"]


def test_without_client_states_only_validation_is_accepted(start: Start) -> None:
    service = start(RECEIVER_CLIENT_STATES="")
    assert service.request("POST", "/notifications?validationToken=x", key=None).body == b"x"
    refused = service.request("POST", "/notifications", key=None, body={"value": []})
    assert (refused.status, refused.problem) == (503, "not-configured")


def test_callback_accepts_listed_tenants_only(start: Start) -> None:
    service = start(RECEIVER_TENANTS=f"{TENANT.upper()},99999999-2222-3333-4444-555555555555")
    assert service.call_back(operation()).status == 202
    assert service.issuer
    token = service.issuer.token(audience=APP_ID, tenant_id="00000000-0000-0000-0000-000000000000")
    refused = service.call_back(operation(cc="refused"), token=token)
    assert (refused.status, refused.problem) == (403, "tenant-not-allowed")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="receiver", error="insufficient_scope"'
    assert service.get("/operations/refused").status == 404


def test_callback_address_may_contain_one_of_several_apps(start: Start) -> None:
    other = "99999999-2222-3333-4444-555555555555"
    service = start(RECEIVER_APP_IDS=f"{APP_ID},{other}")
    assert service.call_back(operation(), path=f"/callback/{APP_ID}").status == 202
    refused = service.call_back(operation(), path=f"/callback/{other}")
    assert (refused.status, refused.problem) == (401, "invalid-token")


def test_callback_without_signing_keys_is_503(start: Start) -> None:
    with Issuer(key_file=None) as issuer:
        gone = issuer.metadata_url
        token = issuer.token(audience=APP_ID, tenant_id=TENANT)
    service = start(RECEIVER_METADATA_URL=gone)
    refused = service.call_back(operation(), token=token)
    assert (refused.status, refused.problem) == (503, "keys-unavailable")
    assert refused.headers["Retry-After"]
    assert refused.seconds < 2.5
    ready = service.get("/readyz")
    assert ready.status == 503
    assert ready.json["checks"]["signingKeys"].startswith("none")


def test_valid_tokens_pass_without_issuer_and_after_key_change(start: Start) -> None:
    with Issuer(key_file=None) as issuer:
        service = start(RECEIVER_METADATA_URL=issuer.metadata_url)
        assert (
            service.call_back(operation(), token=issuer.token(audience=APP_ID, tenant_id=TENANT)).status
            == 202
        )
        issuer.rotate()
        rotated = issuer.token(audience=APP_ID, tenant_id=TENANT)
        assert service.call_back(operation(), token=rotated).status == 202, (
            "an unknown key id is fetched once"
        )
    later = issuer.token(audience=APP_ID, tenant_id=TENANT, issuer="https://graph.microsoft.com")
    assert service.call_back(operation(), token=later).status == 202


def test_token_of_a_withdrawn_key_is_rejected(start: Start) -> None:
    with Issuer(key_file=None) as issuer:
        service = start(RECEIVER_METADATA_URL=issuer.metadata_url, WEB_CONCURRENCY="1")
        stolen = issuer.token(audience=APP_ID, tenant_id=TENANT, lifetime=timedelta(days=3650))
        assert [service.call_back(operation(), token=stolen).status for _ in range(3)] == [202] * 3
        issuer.rotate()
        issuer.withdraw_old_keys()
        rotated = issuer.token(audience=APP_ID, tenant_id=TENANT)
        assert service.call_back(operation(), token=rotated).status == 202
        refused = service.call_back(operation(), token=stolen)
        assert (refused.status, refused.problem) == (401, "invalid-token")


def test_body_limit_is_set_by_the_setting(start: Start) -> None:
    service = start(RECEIVER_MAX_BODY_BYTES="1024")
    refused = service.call_back(operation(filler="x" * 1000))
    assert (refused.status, refused.problem) == (413, "payload-too-large")


def test_retention_is_set_by_the_setting(start: Start, store: StoreServer) -> None:
    service = start(RECEIVER_RETENTION_DAYS="3")
    service.call_back(operation(), operation(cc="other", op=""))
    lives = {key: store.client.ttl(key) for key in store.client.scan_iter()}
    endless = {b"receiver:{0}:next"}
    assert {key for key, seconds in lives.items() if seconds == -1} == endless
    assert all(3 * 86400 - 60 < lives[key] <= 3 * 86400 for key in lives.keys() - endless)
