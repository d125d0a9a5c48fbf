"""Every setting: its variable, its default, its range, and its meaning.

`receiver.settings.configuration` reads them; the guide on settings is generated from them
(`python -m tests.settings.settings_guide`), and a test compares the two. Texts are Markdown.
"""

from collections.abc import Iterator
from typing import Final

from receiver.settings.setting_kinds import ChoiceSetting, NumberSetting, Setting

PUBLIC_METADATA_URL: Final = "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration"
PUBLIC_ISSUERS: Final = ("https://api.botframework.com", "https://graph.microsoft.com")

REDIS_VARIABLES: Final = (
    "RECEIVER_REDIS_URL",
    "REDIS_URL",
    "REDIS_TLS_URL",
    "REDISCLOUD_URL",
    "SCALINGO_REDIS_URL",
    "VALKEY_URL",
    "UPSTASH_REDIS_URL",
    "STACKHERO_REDIS_URL_TLS",
)
"""Variables that may hold the store's address: our own, the common one, then those of providers. The first set wins."""

EXPORT_SECONDS: Final = 3.0
"""Default time for an export of traces, in seconds: an unavailable collector delays the end of a worker by this."""


def _number(
    name: str, number: int, limits: tuple[int, int], meaning: str, default: str = ""
) -> NumberSetting:
    return NumberSetting(name, default or f"`{number}`", meaning, number, *limits)


def _choice(name: str, choices: tuple[str, ...], meaning: str, default: str = "") -> ChoiceSetting:
    return ChoiceSetting(name, default or f"`{choices[0]}`", meaning, choices[0], choices)


PORT: Final = _number("PORT", 8000, (0, 65_535), "Port to listen on; 0 for a free one.")
WORKERS: Final = _number("WEB_CONCURRENCY", 2, (1, 128), "Worker processes. Each needs about 70 MB.")
REDIS_REPLICAS: Final = _number(
    "RECEIVER_REDIS_REPLICAS",
    0,
    (0, 5),
    "Replicas that must have a notification before it is answered 202 (`WAIT`). Set 1 where the store fails over.",
)
RETENTION_DAYS: Final = _number(
    "RECEIVER_RETENTION_DAYS", 30, (1, 3650), "Days that a record is kept after its last update."
)
OVERDUE_SECONDS: Final = _number(
    "RECEIVER_OVERDUE_SECONDS",
    120,  # Graph rings for one minute
    (1, 86_400),
    "Seconds after the first update of an operation at which its result is overdue, unless its registration sets "
    "another deadline.",
)
MAX_BODY_BYTES: Final = _number(
    "RECEIVER_MAX_BODY_BYTES",
    4 << 20,
    (1 << 10, 1 << 28),
    "Largest request body. A roster of 1,000 participants has 1.6 to 2.5 MB. A proxy in front needs the same limit.",
)
MAX_WAITING: Final = _number(
    "RECEIVER_MAX_WAITING",
    5000,
    (0, 9000),
    "Clients that may wait or stream at once on each worker; further ones are answered 503.",
)
TRUSTED_PROXIES: Final = _number(
    "RECEIVER_TRUSTED_PROXIES",
    0,
    (0, 10),
    "Proxies in front, one behind the other, that set `X-Forwarded-For` and `X-Forwarded-Proto`. These headers are "
    "believed from them only. Without it, all clients behind a proxy share one limit of sign-ins.",
    "`0`; `1` on a platform that is recognized",
)
SPOOL_MAX_BYTES: Final = _number(
    "RECEIVER_SPOOL_MAX_BYTES",
    1 << 28,
    (1 << 20, 1 << 36),
    "Largest size of the spool. Notifications that do not fit are answered 503.",
)
LOG_FORMAT: Final = _choice(
    "LOG_FORMAT",
    ("auto", "console", "logfmt"),
    "Format of the log; `auto` is `console` on a terminal, else `logfmt`.",
)
LOG_LEVEL: Final = ChoiceSetting(
    "LOG_LEVEL",
    "`info`",
    "Least severe level that is logged. `debug` logs each answer and each item in a line of its own.",
    "info",
    ("debug", "info", "warning", "error"),
)
TRACES_EXPORTER: Final = _choice(
    "OTEL_TRACES_EXPORTER", ("otlp", "none"), "`none` switches traces off. Other exporters are refused."
)
OTLP_PROTOCOLS: Final = tuple(
    _choice(f"OTEL_EXPORTER_OTLP_{kind}PROTOCOL", ("http/protobuf",), "Protocol of exports.")
    for kind in ("", "TRACES_")
)
OTLP_COMPRESSIONS: Final = tuple(
    _choice(f"OTEL_EXPORTER_OTLP_{kind}COMPRESSION", ("none", "gzip", "deflate"), "Compression of exports.")
    for kind in ("", "TRACES_")
)

GROUPS: Final[dict[str, tuple[Setting, ...]]] = {
    "Address and processes": (
        Setting(
            "HOST",
            "`127.0.0.1`; `0.0.0.0` when `PORT` is set",
            "Address to listen on: an IP address (`::` and `[::]` too) or a name.",
        ),
        PORT,
        WORKERS,
        TRUSTED_PROXIES,
    ),
    "Graph": (
        Setting(
            "RECEIVER_APP_IDS",
            "none: `/callback` answers 503",
            "App ids of your bots, comma-separated. A token must be for one of them.",
        ),
        Setting("RECEIVER_TENANTS", "any", "Ids of the tenants to accept, comma-separated."),
        Setting(
            "RECEIVER_CLIENT_STATES",
            "none: only handshakes are accepted",
            "`clientState` values of your subscriptions: comma-separated, one to a line, or a JSON array of strings. A "
            "comma within a JSON object separates nothing.",
        ),
        Setting(
            "RECEIVER_METADATA_URL",
            f"`{PUBLIC_METADATA_URL}`",
            "OpenID document of the issuer of Graph's tokens; other clouds have others. https, or http on a loopback "
            "address.",
        ),
        Setting(
            "RECEIVER_KEY_HOSTS",
            "the host of the OpenID document",
            "Other hosts (`host` or `host:port`, comma-separated) that its `jwks_uri` may name.",
        ),
        Setting(
            "RECEIVER_ISSUERS",
            ", ".join(f"`{issuer}`" for issuer in PUBLIC_ISSUERS),
            "Issuers that tokens may name, comma-separated.",
        ),
    ),
    "Clients": (
        Setting(
            "RECEIVER_API_KEYS",
            "none: queries answer 503",
            "Entries `name:scope+scope:sha256`, comma-separated. The scopes are `read`, `write` and `secrets`. "
            "`receiver keys` makes a key and its entry.",
        ),
        Setting(
            "RECEIVER_GENERATED_KEY",
            "none",
            "Keys in clear with the scopes `read` and `write`, comma-separated, for platforms that generate secrets: "
            "at least 32 random characters each.",
        ),
        MAX_WAITING,
    ),
    "The store": (
        Setting(
            "REDIS_URL",
            "none: the embedded store",
            "Address of the store (Redis 6.2 or later, Valkey); [its form](#the-address-of-the-store) is below.",
        ),
        Setting("RECEIVER_REDIS_URL", "none", "The same; counts before `REDIS_URL`."),
        *(
            Setting(
                name, "none", "The same, as providers name it; these count after `REDIS_URL`, in this order."
            )
            for name in REDIS_VARIABLES
            if name not in {"RECEIVER_REDIS_URL", "REDIS_URL"}
        ),
        Setting("VCAP_SERVICES", "none", "Services that Cloud Foundry binds; counts after all of these."),
        Setting(
            "RECEIVER_REDIS_TLS_VERIFY",
            "`required`",
            "How the store's certificate is verified: `required`, `none`, or the path of a file with the CA "
            "certificate. Platforms with self-signed certificates need one of the latter.",
        ),
        REDIS_REPLICAS,
    ),
    "Records": (RETENTION_DAYS, OVERDUE_SECONDS, MAX_BODY_BYTES),
    "Data on disk": (
        Setting(
            "RECEIVER_DATA_DIR",
            "a folder in the user's data directory; required for a user without a home",
            "Folder in which the embedded store keeps its data.",
        ),
        Setting(
            "RECEIVER_SPOOL",
            "none; with the embedded store, a folder in its data folder",
            "Folder, on a disk that lasts, of the spool: notifications that arrive while the store is unavailable.",
        ),
        SPOOL_MAX_BYTES,
    ),
    "Proxy and certificates": (
        Setting(
            "HTTPS_PROXY",
            "none",
            "HTTP proxy through which the signing keys are fetched. `https_proxy` counts before it.",
        ),
        Setting("NO_PROXY", "none", "Hosts that need no proxy. `no_proxy` counts before it."),
        Setting(
            "SSL_CERT_FILE",
            "the system's",
            "File of the certificate authorities that are trusted, for the signing keys and for a store by TLS.",
        ),
        Setting("SSL_CERT_DIR", "the system's", "Folders of such certificates, separated by colons."),
    ),
    "Logs and traces": (
        LOG_FORMAT,
        LOG_LEVEL,
        Setting(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "none: no traces",
            "Collector of traces (OTLP over HTTP); `/v1/traces` is added. Needs the extra `otel`.",
        ),
        Setting(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "none",
            "The whole address of the collector; counts before the other.",
        ),
        Setting(
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            f"`{EXPORT_SECONDS:g}`",
            "Seconds for an export, more than 0 and less than 1,000.",
        ),
        Setting("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "none", "The same; counts before the other."),
        Setting("OTEL_SDK_DISABLED", "`false`", "`true` switches traces off."),
        TRACES_EXPORTER,
        *OTLP_PROTOCOLS,
        *OTLP_COMPRESSIONS,
    ),
}
"""The settings, by the sections of the guide."""


def definitions() -> Iterator[Setting]:
    """Yield every setting."""
    for group in GROUPS.values():
        yield from group
