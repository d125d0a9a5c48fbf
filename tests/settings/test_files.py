"""Settings read from files, as containers get their secrets."""

from pathlib import Path

import pytest

from receiver.settings.configuration import read_settings
from receiver.settings.setting_definitions import REDIS_VARIABLES
from tests.settings.reading import problems
from tests.support.expected_settings import DEFAULTS, GUID, HASH, NAMES, OPENSSL, SWITCHES


@pytest.mark.parametrize("name", sorted({*NAMES} - {*OPENSSL, *SWITCHES}))
def test_every_variable_may_be_read_from_a_file(env: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    texts = {
        **dict.fromkeys(REDIS_VARIABLES, "redis://h"),
        "VCAP_SERVICES": '{"redis": [{"credentials": {"uri": "redis://h"}}]}',
        "RECEIVER_REDIS_TLS_VERIFY": "none",
        "RECEIVER_REDIS_REPLICAS": "1",
        "RECEIVER_METADATA_URL": "https://a.test/",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318",
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
def test_an_unreadable_file_is_an_error(env: pytest.MonkeyPatch, tmp_path: Path, path: str) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    env.setenv("REDIS_URL_FILE", f"{tmp_path}/{path}" if "://" not in path else path)
    problem = problems()["REDIS_URL"]
    assert problem == "REDIS_URL_FILE must name a readable text file, for example /run/secrets/redis_url"
