"""The settings: read once from the environment, validated, immutable.

No other module reads the environment. All errors are reported at once, each with the variable's name, what is wrong,
and an example. `NAME_FILE` names a file that holds the value of `NAME`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import platformdirs
from environs import FileAwareEnv

from receiver.settings import cloud_foundry
from receiver.settings import setting_definitions as define
from receiver.settings import setting_parsers as texts
from receiver.settings.setting_definitions import (
    EXPORT_SECONDS,
    PUBLIC_ISSUERS,
    PUBLIC_METADATA_URL,
    REDIS_VARIABLES,
)
from receiver.settings.setting_reader import Reader
from receiver.trust.api_keys import APIKey
from receiver.trust.egress import DIRECT, Egress, Proxy

_ENVIRONMENT: Final = FileAwareEnv(file_suffix="_FILE", strip_whitespace=True)
_PLATFORM_VARIABLES: Final = ("DYNO", "RENDER", "FLY_APP_NAME", "VCAP_APPLICATION")
_PLATFORM_PREFIXES: Final = ("RAILWAY_",)
"""Variables, and prefixes of such, that platforms set."""

_INSTANCE_VARIABLES: Final = ("DYNO", "RENDER_INSTANCE_ID", "FLY_MACHINE_ID", "CF_INSTANCE_INDEX", "HOSTNAME")
"""Variables with the name of this instance; the first that is set counts."""

_FALLBACK_DATA_DIR: Final = Path("/var/lib/receiver")
"""The data folder of a user without a home; nothing is stored there unless RECEIVER_DATA_DIR names it."""

_READ_BY_LIBRARIES: Final = (
    "FLASK_DEBUG",
    "FORWARDED_ALLOW_IPS",
    "GUNICORN_CMD_ARGS",
    "PROMETHEUS_MULTIPROC_DIR",
    "SCRIPT_NAME",
    "SENDFILE",
)
"""Variables that libraries read themselves; a wrong value would be a traceback at start, or a 500 a request."""

_READ_AS_NUMBERS: Final = ("GUNICORN_PID", "LISTEN_FDS", "LISTEN_PID")
"""Variables by which gunicorn passes sockets to its successor, and systemd to gunicorn."""


class SettingsError(Exception):
    """At least one setting is wrong.

    Args:
        problems: what is wrong and an example, by the variable's name.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; `receiver.settings.setting_definitions` describes each."""

    host: str
    port: int
    workers: int
    redis_url: str | None
    redis_variable: str
    """The variable that holds the store's address; REDIS_URL if none does."""

    redis_tls_verify: str
    redis_replicas: int
    app_ids: tuple[str, ...]
    tenants: frozenset[str]
    metadata_url: str
    key_hosts: tuple[str, ...]
    issuers: tuple[str, ...]
    api_keys: tuple[APIKey, ...]
    client_states: tuple[str, ...]
    retention_days: int
    overdue_seconds: int
    max_body_bytes: int
    max_waiting: int
    trusted_proxies: int
    data_dir: Path
    spool: Path | None
    spool_max_bytes: int
    log_format: str
    log_level: str
    open_queries: bool = False
    """Queries need no API key. Only `receiver demo` sets it, on a loopback address."""

    otlp_endpoint: str | None = None
    """The whole address to which traces are exported; None disables them."""

    otlp_timeout: float = EXPORT_SECONDS
    """Time limit of one export of traces, in seconds."""

    instance: str | None = None
    """The platform's name of this instance."""

    egress: Egress = DIRECT
    """The proxy by which the signing keys are fetched."""

    metrics_dir: Path | None = None
    """The folder of the workers' shared metrics. Only `receiver.server.serve` sets it."""


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: at least one variable is wrong; it names all that are.
    """
    read = Reader(_text)
    tls_verify = read.parsed("RECEIVER_REDIS_TLS_VERIFY", "required", texts.tls_verify)
    redis_url, redis_variable = _store(read, tls_verify)
    # OpenSSL reads these itself, and silently trusts other certificates if one is wrong.
    read.parsed("SSL_CERT_FILE", None, texts.certificates)
    read.parsed("SSL_CERT_DIR", None, texts.certificate_folders)
    data_dir = read.parsed("RECEIVER_DATA_DIR", _home_folder(), texts.path)
    settings = Settings(
        host=read.parsed("HOST", "0.0.0.0" if read.parsed("PORT", "", str) else "127.0.0.1", texts.bind_host),  # noqa: S104
        port=read.number(define.PORT),
        workers=read.number(define.WORKERS),
        redis_url=redis_url,
        redis_variable=redis_variable,
        redis_tls_verify=tls_verify,
        redis_replicas=read.number(define.REDIS_REPLICAS),
        app_ids=read.list("RECEIVER_APP_IDS", texts.guid),
        tenants=frozenset(read.list("RECEIVER_TENANTS", texts.guid)),
        metadata_url=read.parsed("RECEIVER_METADATA_URL", PUBLIC_METADATA_URL, texts.metadata_url),
        key_hosts=read.list("RECEIVER_KEY_HOSTS", texts.host),
        issuers=read.list("RECEIVER_ISSUERS", str) or PUBLIC_ISSUERS,
        api_keys=(
            *read.list("RECEIVER_API_KEYS", texts.api_key),
            *read.list("RECEIVER_GENERATED_KEY", texts.generated_key),
        ),
        client_states=read.parsed("RECEIVER_CLIENT_STATES", (), texts.client_states),
        retention_days=read.number(define.RETENTION_DAYS),
        overdue_seconds=read.number(define.OVERDUE_SECONDS),
        max_body_bytes=read.number(define.MAX_BODY_BYTES),
        max_waiting=read.number(define.MAX_WAITING),
        # A platform's instances are reachable through its router only.
        trusted_proxies=read.number(define.TRUSTED_PROXIES, 1 if _platform() else None),
        data_dir=data_dir or _FALLBACK_DATA_DIR,
        spool=read.parsed("RECEIVER_SPOOL", None, texts.path),
        spool_max_bytes=read.number(define.SPOOL_MAX_BYTES),
        log_format=read.choice(define.LOG_FORMAT),
        log_level=read.choice(define.LOG_LEVEL),
        otlp_endpoint=_otlp_endpoint(read),
        otlp_timeout=read.parsed("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", 0.0, texts.seconds)
        or read.parsed("OTEL_EXPORTER_OTLP_TIMEOUT", EXPORT_SECONDS, texts.seconds),
        egress=Egress(read.of_curl("HTTPS_PROXY", None, Proxy.parse), read.of_curl("NO_PROXY", "", str)),
        instance=next((os.environ[name] for name in _INSTANCE_VARIABLES if os.environ.get(name)), None),
    )
    if redis_url is None and settings.spool is None:  # the embedded store has a disk, so the spool can use it
        settings = replace(settings, spool=settings.data_dir / "spool")
    needs_folder = redis_url is None and redis_variable not in read.problems
    if needs_folder and data_dir is None and "RECEIVER_DATA_DIR" not in read.problems:
        read.problems["RECEIVER_DATA_DIR"] = (
            "not set, and this user has no home folder for the data of the embedded store. Set it, for example "
            "RECEIVER_DATA_DIR=/var/lib/receiver, or set REDIS_URL"
        )
    if needs_folder and (platform := _platform()):
        read.problems[redis_variable] = (
            f"not set, and this is a platform ({platform} is set), where every instance would have a store "
            "of its own. Add a Redis, for example REDIS_URL=rediss://:password@host:6379"
        )
    if read.problems:
        raise SettingsError(read.problems)
    return settings


def hide_from_libraries(settings: Settings) -> None:
    """Remove variables from the environment that gunicorn and Flask would read. Call it before they are imported."""
    for name in _READ_BY_LIBRARIES:
        os.environ.pop(name, None)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if not os.environ.get(name, "").strip():
            os.environ.pop(name, None)  # OpenSSL would use an empty value as a path
    for name in _READ_AS_NUMBERS:
        if not os.environ.get(name, "0").isdecimal():
            del os.environ[name]
    os.environ["WEB_CONCURRENCY"] = str(settings.workers)  # gunicorn parses it as a number at import


def _text(name: str) -> str:
    """Return a variable's text, or that of the file that `NAME_FILE` names; empty if neither is set.

    Raises:
        ValueError: the file cannot be read. The message omits its path: some users put the secret itself there.
    """
    try:
        return _ENVIRONMENT.str(name, "").strip()
    except (OSError, ValueError):
        example = f"/run/secrets/{name.lower()}"
        raise ValueError(f"{name}_FILE must name a readable text file, for example {example}") from None


def _store(read: Reader, tls_verify: str) -> tuple[str | None, str]:
    """Return the store's URL, and the variable that holds it, or in which it is wrong or missing."""

    def of_redis(text: str) -> str:
        return texts.redis_url(text, tls_verify)

    def of_cloud_foundry(text: str) -> str | None:
        url = cloud_foundry.redis_url(text)
        return url and of_redis(url)

    parsers = {**dict.fromkeys(REDIS_VARIABLES, of_redis), "VCAP_SERVICES": of_cloud_foundry}
    for name, parse in parsers.items():
        url = read.parsed(name, None, parse)
        if url or name in read.problems:
            return url, name
    return None, "REDIS_URL"


def _otlp_endpoint(read: Reader) -> str | None:
    """Return the address for traces from OpenTelemetry's variables; the SDK reads all others itself.

    https://opentelemetry.io/docs/specs/otel/protocol/exporter/
    """
    own = read.parsed("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", None, texts.http_url)
    common = read.parsed("OTEL_EXPORTER_OTLP_ENDPOINT", None, texts.http_url)
    endpoint = own or (common and f"{common.rstrip('/')}/v1/traces")
    is_off = read.parsed("OTEL_SDK_DISABLED", "false", str.lower) == "true"
    if endpoint is None or is_off or read.choice(define.TRACES_EXPORTER) == "none":
        return None
    for setting in (*define.OTLP_PROTOCOLS, *define.OTLP_COMPRESSIONS):
        read.choice(setting)  # the SDK uses it, and fails with a traceback where it is wrong
    return endpoint


def _home_folder() -> Path | None:
    """Return the folder for data in the user's home; None for a user without a home, as in many containers."""
    try:
        return Path(platformdirs.user_data_dir("receiver"))
    except RuntimeError:
        return None


def _platform() -> str | None:
    """Return the variable that identifies a platform; its instances share no disk and are behind a router."""
    for name, value in os.environ.items():
        if value and (name in _PLATFORM_VARIABLES or name.startswith(_PLATFORM_PREFIXES)):
            return name
    return None
