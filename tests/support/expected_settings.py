"""What the settings are: their variables, what they are where nothing is set, and platforms' own variables."""

import hashlib
from pathlib import Path

import platformdirs

from receiver.settings.configuration import Settings
from receiver.settings.setting_definitions import PUBLIC_ISSUERS, PUBLIC_METADATA_URL, REDIS_VARIABLES

HASH = hashlib.sha256(b"key").hexdigest()
GUID = "aaaaaaaa-2222-3333-4444-555555555555"
OTHER_GUID = "bbbbbbbb-2222-3333-4444-555555555555"

OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What OpenSSL reads for itself; here it is only looked at."""

SWITCHES = ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER")
"""What changes nothing where no collector is named."""

NAMES = (
    "HOST",
    "PORT",
    "WEB_CONCURRENCY",
    *REDIS_VARIABLES,
    "VCAP_SERVICES",
    "RECEIVER_REDIS_TLS_VERIFY",
    "RECEIVER_REDIS_REPLICAS",
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
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    *SWITCHES,
    "HTTPS_PROXY",
    "NO_PROXY",
    *OPENSSL,
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
    redis_replicas=0,
    app_ids=(),
    tenants=frozenset(),
    metadata_url=PUBLIC_METADATA_URL,
    key_hosts=(),
    issuers=PUBLIC_ISSUERS,
    api_keys=(),
    client_states=(),
    retention_days=30,
    overdue_seconds=120,
    max_body_bytes=4194304,
    max_waiting=5000,
    trusted_proxies=0,
    data_dir=Path(platformdirs.user_data_dir("receiver")),
    spool=Path(platformdirs.user_data_dir("receiver")) / "spool",
    spool_max_bytes=268435456,
    log_format="auto",
    log_level="info",
)
