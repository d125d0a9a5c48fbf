"""The settings: their defaults and their variables."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from receiver.settings import configuration
from receiver.settings.configuration import read_settings
from receiver.settings.setting_definitions import PUBLIC_ISSUERS, PUBLIC_METADATA_URL, definitions
from tests.settings.reading import problems
from tests.settings.settings_guide import GUIDE, settings_guide
from tests.support.expected_settings import DEFAULTS, GUID, NAMES, OTHER_GUID, PLATFORMS


def test_every_setting_has_a_default() -> None:
    assert read_settings() == DEFAULTS


def test_the_public_addresses_are_graphs() -> None:
    assert PUBLIC_METADATA_URL == "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration"
    assert set(PUBLIC_ISSUERS) == {"https://api.botframework.com", "https://graph.microsoft.com"}


def test_settings_never_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_settings().port = 1  # type: ignore[misc]


def test_every_variable_that_is_read_is_defined(env: pytest.MonkeyPatch) -> None:
    read: set[str] = set()
    real = configuration._text

    def recorded(name: str) -> str:
        read.add(name)
        return real(name)

    env.setattr(configuration, "_text", recorded)
    env.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")  # otherwise its options are not read
    read_settings()
    assert read - {"https_proxy", "no_proxy"} == {setting.name for setting in definitions()}


def test_every_defined_variable_is_tested() -> None:
    of_the_exporter = {
        f"OTEL_EXPORTER_OTLP_{kind}{option}"
        for kind in ("", "TRACES_")
        for option in ("PROTOCOL", "COMPRESSION")
    }
    assert {setting.name for setting in definitions()} == {*NAMES, *of_the_exporter}


def test_the_guide_on_settings_is_up_to_date() -> None:
    assert GUIDE.read_text() == settings_guide(), "run: python -m tests.settings.settings_guide"


def test_queries_need_a_key_by_default(env: pytest.MonkeyPatch) -> None:
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
        ("HOST", "[::]", "host", "::"),
        ("HOST", "localhost", "host", "localhost"),
        ("PORT", "0", "port", 0),
        ("PORT", " 65535 ", "port", 65535),
        ("WEB_CONCURRENCY", "128", "workers", 128),
        ("REDIS_URL", "redis://localhost", "redis_url", "redis://localhost"),
        ("REDIS_URL", "rediss://:pw@h:6380/1", "redis_url", "rediss://:pw@h:6380/1"),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
        ("REDIS_URL", "redis+sentinel://a,b/main/0", "redis_url", "redis+sentinel://a,b/main/0"),
        ("REDIS_URL", "redis://h/0?family=0", "redis_url", "redis://h/0?family=0"),
        ("RECEIVER_REDIS_TLS_VERIFY", "None", "redis_tls_verify", "none"),
        ("RECEIVER_REDIS_TLS_VERIFY", "REQUIRED", "redis_tls_verify", "required"),
        ("RECEIVER_REDIS_REPLICAS", "5", "redis_replicas", 5),
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
    for text in (None, "", "-----BEGIN"):
        if text is not None:
            file.write_text(text)
        assert "path of a file" in problems()["RECEIVER_REDIS_TLS_VERIFY"]
    file.write_text("# ours\n-----BEGIN CERTIFICATE-----\n")
    assert read_settings().redis_tls_verify == str(file)


def test_a_data_folder_may_be_relative_or_of_the_user(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env.chdir(tmp_path)
    env.setenv("HOME", str(tmp_path / "home"))
    env.setenv("RECEIVER_DATA_DIR", "data")
    assert read_settings().data_dir == tmp_path / "data"
    env.setenv("RECEIVER_DATA_DIR", "~/data")
    assert read_settings().data_dir == tmp_path / "home" / "data"


def test_the_spool_is_on_by_default_with_the_embedded_store(
    env: pytest.MonkeyPatch,
) -> None:
    env.setenv("RECEIVER_DATA_DIR", "/var/lib/receiver")
    assert read_settings().spool == Path("/var/lib/receiver/spool")
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().spool is None
    env.setenv("RECEIVER_SPOOL", "/var/spool/receiver")
    assert read_settings().spool == Path("/var/spool/receiver")


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
def test_the_default_host_depends_on_the_port(
    env: pytest.MonkeyPatch, variables: dict[str, str], host: str, port: int
) -> None:
    for name, text in variables.items():
        env.setenv(name, text)
    settings = read_settings()
    assert (settings.host, settings.port) == (host, port)
