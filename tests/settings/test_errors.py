"""How wrong settings are parsed."""

import pytest

from receiver.settings.configuration import SettingsError, read_settings
from tests.settings.reading import problems
from tests.support.expected_settings import GUID, HASH

WRONG = [
    ("HOST", "[::"),
    ("HOST", "::1%eth0"),
    ("HOST", "0.0.0.0:8000"),
    ("HOST", "http://password"),
    ("HOST", "*"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("PORT", "8000.0"),
    ("PORT", "٨"),
    ("PORT", "http"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "129"),
    ("REDIS_URL", "http://:password@host"),
    ("REDIS_URL", "password@host"),
    ("REDIS_URL", "redis:password"),
    ("REDIS_URL", "http://user:password@℀"),
    ("REDIS_URL", "redis://:password@host/0?decode_responses=True"),
    ("REDIS_URL", "rediss://:password@host?ssl_cert_reqs=none"),
    ("REDIS_URL", "rediss://:password@host?ssl_cert_reqs=CERT_NONE"),
    ("VALKEY_URL", "password@host"),
    ("VCAP_SERVICES", '{"p.redis": [{"credentials": {"uri": "redis://:password@host:x"}}]}'),
    ("VCAP_SERVICES", "password"),
    ("VCAP_SERVICES", '["password"]'),
    ("RECEIVER_REDIS_TLS_VERIFY", "/no/such/password.pem"),
    ("RECEIVER_REDIS_REPLICAS", "6"),
    ("RECEIVER_APP_IDS", f"{GUID},password"),
    ("RECEIVER_APP_IDS", GUID.replace("-", "")),
    ("RECEIVER_TENANTS", "contoso.onmicrosoft.com"),
    ("RECEIVER_METADATA_URL", "password"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
    ("RECEIVER_KEY_HOSTS", "https://host.test"),
    ("RECEIVER_KEY_HOSTS", "host.test/keys"),
    ("RECEIVER_KEY_HOSTS", "user:password@host.test"),
    ("RECEIVER_API_KEYS", "password"),
    ("RECEIVER_API_KEYS", f"app:read:{HASH},app:admin:{HASH}"),
    ("RECEIVER_API_KEYS", f"app:read:{HASH[1:]}"),
    ("RECEIVER_GENERATED_KEY", "password"),
    ("RECEIVER_GENERATED_KEY", f"{HASH} password"),
    ("RECEIVER_CLIENT_STATES", "[password]"),
    ("RECEIVER_CLIENT_STATES", '["password", 5]'),
    ("RECEIVER_CLIENT_STATES", "[" * 100_000),
    ("RECEIVER_RETENTION_DAYS", "0"),
    ("RECEIVER_RETENTION_DAYS", "3651"),
    ("RECEIVER_OVERDUE_SECONDS", "86401"),
    ("RECEIVER_MAX_BODY_BYTES", "1023"),
    ("RECEIVER_MAX_BODY_BYTES", "1MB"),
    ("RECEIVER_MAX_WAITING", "9001"),
    ("RECEIVER_TRUSTED_PROXIES", "yes"),
    ("RECEIVER_DATA_DIR", "~no-such-user/password"),
    ("RECEIVER_SPOOL", "~no-such-user/password"),
    ("RECEIVER_SPOOL_MAX_BYTES", "1000000"),
    ("HTTPS_PROXY", "socks5://user:password@proxy:1080"),
    ("HTTPS_PROXY", "https://user:password@proxy"),
    ("HTTPS_PROXY", "http://user:password@"),
    ("HTTPS_PROXY", "http://user:password@proxy:x"),
    ("HTTPS_PROXY", "http://user:password@proxy:65536"),
    ("https_proxy", "http://user:password@proxy/path"),
    ("SSL_CERT_FILE", "/no/such/password.pem"),
    ("SSL_CERT_FILE", "/etc/passwd"),
    ("SSL_CERT_DIR", "/etc/ssl:/no/such/password"),
    ("LOG_FORMAT", "json"),
    ("LOG_LEVEL", "trace"),
]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_an_error_has_variable_and_example_without_secret(
    env: pytest.MonkeyPatch, name: str, text: str
) -> None:
    env.setenv(name, text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    [(named, problem)] = caught.value.problems.items()
    assert named == name
    assert "for example" in problem or "`receiver keys`" in problem
    assert str(caught.value) == f"{name}: {problem}"
    assert "\n" not in problem
    for secret in ("password", HASH[1:]):
        assert secret not in problem


def test_all_errors_are_reported_at_once(env: pytest.MonkeyPatch) -> None:
    wrong = dict(WRONG)
    for name, text in wrong.items():
        env.setenv(name, text)
    env.setenv("DYNO", "web.1")
    hidden = {"VALKEY_URL", "VCAP_SERVICES", "HTTPS_PROXY"}  # REDIS_URL and https_proxy count before them
    assert problems().keys() == wrong.keys() - hidden


@pytest.mark.parametrize(("said", "set_to"), [("none", "required"), ("CERT_REQUIRED", "none")])
def test_a_url_that_contradicts_the_tls_setting_is_refused(
    env: pytest.MonkeyPatch, said: str, set_to: str
) -> None:
    env.setenv("REDIS_URL", f"rediss://h?ssl_cert_reqs={said}")
    env.setenv("RECEIVER_REDIS_TLS_VERIFY", set_to)
    assert "RECEIVER_REDIS_TLS_VERIFY decides" in problems()["REDIS_URL"]
    env.setenv("RECEIVER_REDIS_TLS_VERIFY", "none" if set_to == "required" else "required")
    assert read_settings().redis_url
