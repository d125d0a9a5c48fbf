"""The settings, read from the environment."""

import os
from pathlib import Path

import pytest

from receiver.config import PUBLIC_ISSUERS, PUBLIC_METADATA_URL, SettingsError, read_settings
from receiver.trust.api_keys import APIKey

APP = "11111111-2222-3333-4444-555555555555"
OTHER = "AAAABBBB-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any setting."""
    for name in os.environ:
        if name not in {"PATH", "HOME"}:
            monkeypatch.delenv(name)
    return monkeypatch


def problems(environment: pytest.MonkeyPatch, **variables: str) -> dict[str, str]:
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    return raised.value.problems


def test_everything_has_a_default() -> None:
    settings = read_settings()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 2)
    assert (settings.redis_url, settings.redis_tls_verify) == (None, "required")
    assert (settings.app_ids, settings.tenants, settings.api_keys, settings.client_states) == (
        (),
        frozenset(),
        (),
        (),
    )
    assert (settings.metadata_url, settings.issuers) == (PUBLIC_METADATA_URL, PUBLIC_ISSUERS)
    assert (settings.retention_days, settings.max_body_bytes, settings.max_waiting) == (30, 1 << 20, 5000)
    assert settings.data_dir.name == "receiver"
    assert (settings.log_format, settings.log_level, settings.open_queries) == ("auto", "info", False)


def test_everything_can_be_set(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, entry = APIKey.generate("bot", ["read", "secrets"])
    for name, value in {
        "HOST": "::1",
        "PORT": "9000",
        "WEB_CONCURRENCY": "4",
        "REDIS_URL": "rediss://:secret@host:6379/1",
        "RECEIVER_REDIS_TLS_VERIFY": "NONE",
        "RECEIVER_APP_IDS": f"{APP}, {OTHER},",
        "RECEIVER_TENANTS": OTHER,
        "RECEIVER_METADATA_URL": "https://login.example/.well-known/openid",
        "RECEIVER_ISSUERS": "https://a.example,https://b.example",
        "RECEIVER_API_KEYS": entry.entry,
        "RECEIVER_CLIENT_STATES": "a b, c",
        "RECEIVER_RETENTION_DAYS": "7",
        "RECEIVER_MAX_BODY_BYTES": "2048",
        "RECEIVER_MAX_WAITING": "0",
        "RECEIVER_DATA_DIR": str(tmp_path),
        "LOG_FORMAT": "LOGFMT",
        "LOG_LEVEL": "debug",
    }.items():
        environment.setenv(name, value)
    settings = read_settings()
    assert (settings.host, settings.port, settings.workers) == ("::1", 9000, 4)
    assert settings.redis_tls_verify == "none"
    assert (settings.app_ids, settings.tenants) == ((APP, OTHER.lower()), {OTHER.lower()})
    assert settings.issuers == ("https://a.example", "https://b.example")
    assert settings.api_keys == (entry,)
    assert settings.client_states == ("a b", "c")
    assert (settings.retention_days, settings.max_body_bytes, settings.max_waiting) == (7, 2048, 0)
    assert (settings.data_dir, settings.log_format, settings.log_level) == (tmp_path, "logfmt", "debug")


def test_a_port_that_is_given_is_one_for_everybody(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORT", "5000")
    assert read_settings().host == "0.0.0.0"


def test_an_empty_variable_is_not_set(environment: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "HOST", "REDIS_URL", "RECEIVER_APP_IDS", "WEB_CONCURRENCY", "LOG_LEVEL"):
        environment.setenv(name, " ")
    environment.setenv("PORT", "")
    assert (read_settings().port, read_settings().host, read_settings().redis_url) == (
        8000,
        "127.0.0.1",
        None,
    )


def test_a_value_may_stand_in_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("redis://:secret@host\n")
    environment.setenv("REDIS_URL_FILE", str(secret))
    assert read_settings().redis_url == "redis://:secret@host"
    assert (
        "RECEIVER_APP_IDS_FILE" in problems(environment, RECEIVER_APP_IDS_FILE="/nowhere")["RECEIVER_APP_IDS"]
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "65536", "from 0 to 65535, for example 8000"),
        ("PORT", "-1", "whole number"),
        ("WEB_CONCURRENCY", "0", "from 1 to"),
        ("REDIS_URL", "http://host", "redis://localhost:6379/0"),
        ("REDIS_URL", "host:6379", "rediss://"),
        ("RECEIVER_REDIS_TLS_VERIFY", "/nowhere.pem", "CA certificate"),
        ("RECEIVER_APP_IDS", f"{APP},x", "11111111-2222-3333-4444-555555555555"),
        ("RECEIVER_TENANTS", "x", "GUIDs"),
        ("RECEIVER_METADATA_URL", "http://login.example/", "https, or http on a loopback address"),
        ("RECEIVER_METADATA_URL", "file:///etc/passwd", "https"),
        ("RECEIVER_METADATA_URL", "http://127.0.0.1.evil.example/", "https"),
        ("RECEIVER_API_KEYS", "secret-key", "receiver keys"),
        ("RECEIVER_API_KEYS", f"bot:read+everything:{'0' * 64}", "scopes"),
        ("RECEIVER_API_KEYS", "bot:read:abc", "64 hex digits"),
        ("RECEIVER_RETENTION_DAYS", "1.5", "whole number"),
        ("RECEIVER_MAX_BODY_BYTES", "1", "from 1024"),
        ("LOG_FORMAT", "xml", "one of auto, console, logfmt"),
        ("LOG_LEVEL", "loud", "one of"),
    ],
)
def test_what_is_wrong_is_said_with_an_example(
    environment: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    found = problems(environment, **{name: value})
    assert list(found) == [name]
    assert told in found[name]
    assert "secret-key" not in found[name]


def test_everything_that_is_wrong_is_said_at_once(environment: pytest.MonkeyPatch) -> None:
    assert list(problems(environment, PORT="x", REDIS_URL="x", LOG_LEVEL="x")) == [
        "PORT",
        "REDIS_URL",
        "LOG_LEVEL",
    ]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/x", "http://localhost/x", "http://[::1]:9000/x"])
def test_on_a_loopback_address_plain_http_will_do(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("RECEIVER_METADATA_URL", url)
    assert read_settings().metadata_url == url


@pytest.mark.parametrize(
    "name", ["DYNO", "RENDER", "FLY_APP_NAME", "RAILWAY_ENVIRONMENT_ID", "VCAP_APPLICATION"]
)
def test_a_platform_needs_the_address_of_a_store(environment: pytest.MonkeyPatch, name: str) -> None:
    told = problems(environment, **{name: "x"})
    assert name in told["REDIS_URL"]
    environment.setenv("REDIS_URL", "redis://host")
    assert read_settings().redis_url == "redis://host"


def test_the_readme_names_every_setting_with_its_default() -> None:
    source = (Path(__file__).parents[1] / "receiver/config.py").read_text()
    table = (
        (Path(__file__).parents[1] / "README.md")
        .read_text()
        .partition("## Settings")[2]
        .partition("\n## ")[0]
    )
    read = {
        part.split('"')[1]
        for part in source.split("read.")[1:]
        if part.startswith(("parsed", "list", "number", "choice"))
    }
    assert read
    assert {name for name in read if f"`{name}`" not in table} == set()
