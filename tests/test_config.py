"""The settings: their defaults, their sources, and how their errors are told."""

import dataclasses
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from receiver.config import (
    PUBLIC_ISSUERS,
    PUBLIC_METADATA_URL,
    REDIS_VARIABLES,
    Settings,
    SettingsError,
    read_settings,
)
from receiver.trust.api_keys import APIKey

ROOT = Path(__file__).parents[1]
HASH = hashlib.sha256(b"key").hexdigest()
GUID = "aaaaaaaa-2222-3333-4444-555555555555"
OTHER_GUID = "bbbbbbbb-2222-3333-4444-555555555555"

NAMES = (
    "HOST",
    "PORT",
    "WEB_CONCURRENCY",
    *REDIS_VARIABLES,
    "VCAP_SERVICES",
    "RECEIVER_REDIS_TLS_VERIFY",
    "RECEIVER_APP_IDS",
    "RECEIVER_TENANTS",
    "RECEIVER_METADATA_URL",
    "RECEIVER_KEY_HOSTS",
    "RECEIVER_ISSUERS",
    "RECEIVER_API_KEYS",
    "RECEIVER_GENERATED_KEY",
    "RECEIVER_CLIENT_STATES",
    "RECEIVER_RETENTION_DAYS",
    "RECEIVER_OVERDUE_SECONDS",
    "RECEIVER_MAX_BODY_BYTES",
    "RECEIVER_MAX_WAITING",
    "RECEIVER_TRUSTED_PROXIES",
    "RECEIVER_DATA_DIR",
    "RECEIVER_SPOOL",
    "RECEIVER_SPOOL_MAX_BYTES",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
)
PLATFORMS = (
    "DYNO",
    "RENDER",
    "FLY_APP_NAME",
    "RAILWAY_ENVIRONMENT",
    "RAILWAY_SERVICE_ID",
    "VCAP_APPLICATION",
)

DEFAULTS = Settings(
    host="127.0.0.1",
    port=8000,
    workers=2,
    redis_url=None,
    redis_variable="REDIS_URL",
    redis_tls_verify="required",
    app_ids=(),
    tenants=frozenset(),
    metadata_url=PUBLIC_METADATA_URL,
    key_hosts=(),
    issuers=PUBLIC_ISSUERS,
    api_keys=(),
    client_states=(),
    retention_days=30,
    overdue_seconds=120,
    max_body_bytes=1048576,
    max_waiting=5000,
    trusted_proxies=0,
    data_dir=Path(platformdirs.user_data_dir("receiver")),
    spool=Path(platformdirs.user_data_dir("receiver")) / "spool",
    spool_max_bytes=268435456,
    log_format="auto",
    log_level="info",
)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.removesuffix("_FILE") in {*NAMES, *PLATFORMS, "HOSTNAME"} or name.startswith("RAILWAY_"):
            monkeypatch.delenv(name)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set variables by `env.setenv`; none of ours is set."""
    return monkeypatch


def problems() -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return caught.value.problems


def test_everything_has_a_default() -> None:
    assert read_settings() == DEFAULTS


def test_the_public_addresses_are_those_of_the_contract() -> None:
    assert PUBLIC_METADATA_URL == "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration"
    assert set(PUBLIC_ISSUERS) == {"https://api.botframework.com", "https://graph.microsoft.com"}


def test_settings_never_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_settings().port = 1  # type: ignore[misc]


def test_these_are_all_the_variables_and_the_readme_names_each() -> None:
    source = (ROOT / "receiver/config.py").read_text()
    read = set(re.findall(r'read\.(?:parsed|list|number|choice)\("([A-Z_]+)"', source))
    assert read | {*REDIS_VARIABLES, "VCAP_SERVICES"} == set(NAMES)
    table = (ROOT / "README.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    assert {name for name in NAMES if f"`{name}`" not in table} == set()


def test_only_the_demo_opens_queries(env: pytest.MonkeyPatch) -> None:
    env.setenv("RECEIVER_OPEN_QUERIES", "true")
    assert read_settings().open_queries is False


@pytest.mark.parametrize("empty", ["", " ", "\t\n"], ids=["empty", "a space", "white space"])
@pytest.mark.parametrize("name", [*NAMES, *PLATFORMS[:4]])
def test_an_empty_variable_is_not_set(env: pytest.MonkeyPatch, name: str, empty: str) -> None:
    env.setenv(name, empty if name in NAMES else "")
    assert read_settings() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "member", "value"),
    [
        ("HOST", "::1", "host", "::1"),
        ("PORT", "0", "port", 0),
        ("PORT", " 65535 ", "port", 65535),
        ("WEB_CONCURRENCY", "128", "workers", 128),
        ("REDIS_URL", "redis://localhost", "redis_url", "redis://localhost"),
        ("REDIS_URL", "rediss://:pw@h:6380/1", "redis_url", "rediss://:pw@h:6380/1"),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
        ("REDIS_URL", "redis+sentinel://a,b/main/0", "redis_url", "redis+sentinel://a,b/main/0"),
        ("RECEIVER_REDIS_TLS_VERIFY", "None", "redis_tls_verify", "none"),
        ("RECEIVER_REDIS_TLS_VERIFY", "REQUIRED", "redis_tls_verify", "required"),
        ("RECEIVER_APP_IDS", f"{GUID.upper()}, {OTHER_GUID},", "app_ids", (GUID, OTHER_GUID)),
        ("RECEIVER_TENANTS", f"{GUID},,{GUID.upper()}", "tenants", frozenset({GUID})),
        (
            "RECEIVER_ISSUERS",
            "https://a.test, https://b.test",
            "issuers",
            ("https://a.test", "https://b.test"),
        ),
        ("RECEIVER_ISSUERS", ",", "issuers", PUBLIC_ISSUERS),
        ("RECEIVER_CLIENT_STATES", "one, two:2 ", "client_states", ("one", "two:2")),
        ("RECEIVER_RETENTION_DAYS", "3650", "retention_days", 3650),
        ("RECEIVER_OVERDUE_SECONDS", "90", "overdue_seconds", 90),
        ("RECEIVER_MAX_BODY_BYTES", "1024", "max_body_bytes", 1024),
        ("RECEIVER_MAX_WAITING", "0", "max_waiting", 0),
        ("RECEIVER_KEY_HOSTS", "Host.test, [::1]:8443", "key_hosts", ("host.test", "[::1]:8443")),
        ("RECEIVER_DATA_DIR", "/var/lib/receiver", "data_dir", Path("/var/lib/receiver")),
        ("RECEIVER_SPOOL", "/var/spool/receiver", "spool", Path("/var/spool/receiver")),
        ("RECEIVER_SPOOL_MAX_BYTES", "1048576", "spool_max_bytes", 1048576),
        ("LOG_FORMAT", "LogFmt", "log_format", "logfmt"),
        ("LOG_FORMAT", "console", "log_format", "console"),
        ("LOG_LEVEL", "DEBUG", "log_level", "debug"),
    ],
)
def test_a_variable_is_read(env: pytest.MonkeyPatch, name: str, text: str, member: str, value: Any) -> None:
    env.setenv(name, text)
    assert getattr(read_settings(), member) == value


def test_a_ca_file_may_verify_redis(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "CA.pem"
    env.setenv("RECEIVER_REDIS_TLS_VERIFY", str(file))
    assert "path of a file" in problems()["RECEIVER_REDIS_TLS_VERIFY"]
    file.touch()
    assert read_settings().redis_tls_verify == str(file)


def test_a_data_folder_may_be_relative_or_of_the_user(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env.chdir(tmp_path)
    env.setenv("HOME", str(tmp_path / "home"))
    env.setenv("RECEIVER_DATA_DIR", "data")
    assert read_settings().data_dir == tmp_path / "data"
    env.setenv("RECEIVER_DATA_DIR", "~/data")
    assert read_settings().data_dir == tmp_path / "home" / "data"


def test_there_is_a_spool_beside_the_embedded_store_and_elsewhere_only_where_one_is_set(
    env: pytest.MonkeyPatch,
) -> None:
    env.setenv("RECEIVER_DATA_DIR", "/var/lib/receiver")
    assert read_settings().spool == Path("/var/lib/receiver/spool")
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().spool is None
    env.setenv("RECEIVER_SPOOL", "/var/spool/receiver")
    assert read_settings().spool == Path("/var/spool/receiver")


# Where it listens: everywhere only where a platform says so by PORT.


@pytest.mark.parametrize(
    ("variables", "host", "port"),
    [
        pytest.param({}, "127.0.0.1", 8000, id="nothing set"),
        pytest.param({"PORT": "80"}, "0.0.0.0", 80, id="PORT set"),
        pytest.param({"PORT": "80", "HOST": "::"}, "::", 80, id="both set"),
        pytest.param({"HOST": "10.0.0.1"}, "10.0.0.1", 8000, id="HOST set"),
        pytest.param({"PORT": " "}, "127.0.0.1", 8000, id="PORT blank"),
    ],
)
def test_the_address_follows_from_the_port(
    env: pytest.MonkeyPatch, variables: dict[str, str], host: str, port: int
) -> None:
    for name, text in variables.items():
        env.setenv(name, text)
    settings = read_settings()
    assert (settings.host, settings.port) == (host, port)


# Files.


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_may_be_read_from_a_file(env: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    texts = {
        **dict.fromkeys(REDIS_VARIABLES, "redis://h"),
        "VCAP_SERVICES": '{"redis": [{"credentials": {"uri": "redis://h"}}]}',
        "RECEIVER_REDIS_TLS_VERIFY": "none",
        "RECEIVER_METADATA_URL": "https://a.test/",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "RECEIVER_API_KEYS": f"app:read:{HASH}",
        "RECEIVER_GENERATED_KEY": HASH,
        "RECEIVER_MAX_BODY_BYTES": "2048",
        "RECEIVER_RETENTION_DAYS": "7",
        "RECEIVER_OVERDUE_SECONDS": "90",
        "RECEIVER_TRUSTED_PROXIES": "7",
        "RECEIVER_SPOOL_MAX_BYTES": "2000000",
        "LOG_FORMAT": "logfmt",
        "LOG_LEVEL": "error",
    }
    text = texts.get(name, GUID if name.endswith("S") else "7")
    file = tmp_path / "secret"
    file.write_text(f"{text}\n")
    env.setenv(f"{name}_FILE", str(file))
    from_file = read_settings()
    env.delenv(f"{name}_FILE")
    env.setenv(name, text)
    assert from_file == read_settings()
    assert from_file != DEFAULTS


def test_a_file_counts_before_the_variable(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://from-the-file")
    env.setenv("REDIS_URL", "redis://from-the-variable")
    env.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    assert read_settings().redis_url == "redis://from-the-file"


def test_an_empty_file_is_not_set(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("\n")
    env.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    assert read_settings() == DEFAULTS


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("missing", id="missing"),
        pytest.param(".", id="a folder"),
        pytest.param("bytes", id="no text"),
        pytest.param("bytes/below", id="below a file"),
        pytest.param("redis://:password@host/" + "x" * 300, id="the secret itself"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_like_any_other(
    env: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    env.setenv("REDIS_URL_FILE", f"{tmp_path}/{path}" if "://" not in path else path)
    problem = problems()["REDIS_URL"]
    assert problem == "REDIS_URL_FILE must name a readable text file, for example /run/secrets/redis_url"


# Errors.

WRONG = [
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
    ("VALKEY_URL", "password@host"),
    ("VCAP_SERVICES", "password"),
    ("VCAP_SERVICES", '["password"]'),
    ("RECEIVER_REDIS_TLS_VERIFY", "/no/such/password.pem"),
    ("RECEIVER_APP_IDS", f"{GUID},password"),
    ("RECEIVER_APP_IDS", GUID.replace("-", "")),
    ("RECEIVER_TENANTS", "contoso.onmicrosoft.com"),
    ("RECEIVER_METADATA_URL", "password"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ("RECEIVER_KEY_HOSTS", "https://host.test"),
    ("RECEIVER_KEY_HOSTS", "host.test/keys"),
    ("RECEIVER_KEY_HOSTS", "user:password@host.test"),
    ("RECEIVER_API_KEYS", "password"),
    ("RECEIVER_API_KEYS", f"app:read:{HASH},app:admin:{HASH}"),
    ("RECEIVER_API_KEYS", f"app:read:{HASH[1:]}"),
    ("RECEIVER_GENERATED_KEY", "password"),
    ("RECEIVER_GENERATED_KEY", f"{HASH} password"),
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
    ("LOG_FORMAT", "json"),
    ("LOG_LEVEL", "trace"),
]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_an_error_names_the_variable_and_an_example_and_no_secret(
    env: pytest.MonkeyPatch, name: str, text: str
) -> None:
    env.setenv(name, text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    [(named, problem)] = caught.value.problems.items()
    assert named == name
    assert "for example" in problem or "`receiver keys`" in problem
    assert str(caught.value) == f"{name}: {problem}"
    for secret in ("password", HASH[1:]):
        assert secret not in problem


def test_all_errors_are_told_at_once(env: pytest.MonkeyPatch) -> None:
    wrong = dict(WRONG)
    for name, text in wrong.items():
        env.setenv(name, text)
    env.setenv("DYNO", "web.1")
    assert problems().keys() == wrong.keys() - {"VALKEY_URL", "VCAP_SERVICES"}, "REDIS_URL counts before them"


# Platforms.


@pytest.mark.parametrize("platform", PLATFORMS)
def test_on_a_platform_a_redis_address_is_needed(env: pytest.MonkeyPatch, platform: str) -> None:
    env.setenv(platform, "x")
    problem = problems()["REDIS_URL"]
    assert platform in problem
    assert "for example REDIS_URL=rediss://" in problem
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().redis_url == "redis://h"


def test_on_a_platform_a_wrong_redis_address_is_told_as_such(env: pytest.MonkeyPatch) -> None:
    env.setenv("RENDER", "true")
    for name in ("REDIS_URL", "RECEIVER_REDIS_URL"):
        env.setenv(name, "http://h")
        [(named, problem)] = problems().items()
        assert named == name
        assert "must begin with" in problem


def test_the_store_may_stand_under_the_names_that_providers_give_it(env: pytest.MonkeyPatch) -> None:
    """The first of them counts: our own, then the usual one, then those of providers, then Cloud Foundry's."""
    assert REDIS_VARIABLES[:2] == ("RECEIVER_REDIS_URL", "REDIS_URL")
    names = (*REDIS_VARIABLES, "VCAP_SERVICES")
    for number, name in reversed(list(enumerate(names))):
        url = f"rediss://:password@host-{number}:6380"
        env.setenv(
            name, url if name != "VCAP_SERVICES" else json.dumps({"p.redis": [{"credentials": {"uri": url}}]})
        )
        settings = read_settings()
        assert (settings.redis_url, settings.redis_variable) == (url, name)


def test_bound_services_without_a_store_among_them_are_no_store(env: pytest.MonkeyPatch) -> None:
    env.setenv("VCAP_APPLICATION", "{}")
    env.setenv("VCAP_SERVICES", json.dumps({"p.mysql": [{"credentials": {"uri": "mysql://h"}}]}))
    assert "VCAP_APPLICATION is set" in problems()["REDIS_URL"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_on_a_platform_its_router_is_believed_unless_set(env: pytest.MonkeyPatch, platform: str) -> None:
    env.setenv(platform, "x")
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().trusted_proxies == 1
    env.setenv("RECEIVER_TRUSTED_PROXIES", "0")
    assert read_settings().trusted_proxies == 0


# API keys.


def test_api_keys_are_read(env: pytest.MonkeyPatch) -> None:
    env.setenv("RECEIVER_API_KEYS", f"app:read:{HASH}, ops:read+write+secrets:{HASH.upper()},")
    assert read_settings().api_keys == (
        APIKey("app", frozenset({"read"}), HASH),
        APIKey("ops", frozenset({"read", "write", "secrets"}), HASH),
    )


def test_a_generated_key_can_be_set(env: pytest.MonkeyPatch) -> None:
    _, key = APIKey.generate("app", ["read", "write"])
    env.setenv("RECEIVER_API_KEYS", key.entry)
    assert read_settings().api_keys == (key,)


def test_a_key_that_a_platform_generates_may_read_and_write(env: pytest.MonkeyPatch) -> None:
    """Heroku makes 64 hex digits, Render 32 bytes in base64."""
    keys = ("0123456789abcdef" * 4, "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRW+/=")
    env.setenv("RECEIVER_API_KEYS", f"app:read:{HASH}")
    env.setenv("RECEIVER_GENERATED_KEY", ", ".join(keys))
    first, *generated = read_settings().api_keys
    assert first.name == "app"
    assert [key.sha256 for key in generated] == [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    assert {(key.name, key.scopes) for key in generated} == {("generated", frozenset({"read", "write"}))}


# The metadata's address: whoever answers there decides whose tokens are believed.


@pytest.mark.parametrize(
    "url",
    [
        "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration",
        "https://login.example.test:8443/x",
        "HTTPS://example.test",
        "http://localhost:9000/x",
        "http://127.0.0.1/x",
        "http://127.9.9.9:1/x",
        "http://[::1]:9000/x",
    ],
)
def test_the_metadata_may_come_by_https_or_from_this_machine(env: pytest.MonkeyPatch, url: str) -> None:
    env.setenv("RECEIVER_METADATA_URL", url)
    assert read_settings().metadata_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.aps.skype.com/v1/.well-known/OpenIdConfiguration",
        "http://localhost.example.test/",
        "http://127.0.0.1.example.test/",
        "http://localhost@example.test/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::2]/",
        "https://",
        "https:///x",
        "https://[",
        "https://℀.test/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "localhost:9000",
        "//localhost/",
    ],
)
def test_the_metadata_may_come_in_no_other_way(env: pytest.MonkeyPatch, url: str) -> None:
    env.setenv("RECEIVER_METADATA_URL", url)
    assert problems()["RECEIVER_METADATA_URL"].startswith("must be https, or http on a loopback address")


# Instances.


def test_the_platform_names_the_instance(env: pytest.MonkeyPatch) -> None:
    env.setenv("HOSTNAME", "pod-7")
    assert read_settings().instance == "pod-7"
    env.setenv("REDIS_URL", "redis://h")
    env.setenv("DYNO", "web.2")
    assert read_settings().instance == "web.2"
