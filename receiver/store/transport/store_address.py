"""Parse the store's URL into what its connections need. Pure; an error never quotes the URL, which has a password.

Neither urllib nor redis-py parses it. Passwords get pasted into URLs unencoded, with `/`, `#`, `[`, `%` or `@`: urllib
then raises an error, or finds another host. redis-py passes every option on to its connections, each of which then
raises a TypeError.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

_SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "valkey", "valkeys")
_TLS_SCHEMES: Final = ("rediss", "valkeys", "rediss+sentinel")
_EXAMPLE: Final = "for example redis://localhost:6379/0"
_OWN_URL: Final = "Remove it, or give this receiver a URL of its own in RECEIVER_REDIS_URL"

_TCP_OPTIONS: Final = ("db", "family", "protocol", "ssl", "ssl_cert_reqs")
_UNIX_OPTIONS: Final = ("db", "protocol")
_SENTINEL_OPTIONS: Final = (
    *("db", "protocol", "ssl", "ssl_cert_reqs"),
    *("sentinel_username", "sentinel_password", "sentinel_ssl"),
)
_SENTINEL_SECRET: Final = re.compile(r"[?&]sentinel_(?:username|password)=")

_CERTIFICATE: Final = {
    **dict.fromkeys(("none", "cert_none"), "none"),
    # A client that verifies "optionally" verifies: https://docs.python.org/3/library/ssl.html#ssl.CERT_OPTIONAL
    **dict.fromkeys(("required", "cert_required", "optional", "cert_optional"), "required"),
}
_REDIS_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_PORTS: Final = range(1, 65536)
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{1,5})?)?", re.DOTALL
)
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """The address of the store, and the credentials for it.

    Args:
        hosts: host and port of the server, or of each sentinel; empty for a Unix socket.
        socket: the path of a Unix socket.
        service: the primary's name at the sentinels; None without sentinels.
        family: of IP addresses: 4, 6, or 0 for both.
        tls: the server speaks TLS.
        certificate: whether the URL demands a valid certificate: `required`, `none`, or None if it does not say.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    socket: str | None = None
    service: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    family: int = 0
    tls: bool = False
    certificate: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    sentinel_tls: bool = False


def parse_address(url: str) -> StoreAddress:
    """Parse the URL of a store.

    Credentials may be percent-encoded or raw: they end at the last `@`, and a `%` that encodes nothing is itself.

    Raises:
        ValueError: the text is not the URL of a store, or has an option that the receiver does not support.
    """
    scheme, divider, rest = url.partition("://")
    scheme = scheme.lower()
    if not divider or scheme not in _SCHEMES or not _is_utf8(url):
        raise ValueError(f"must begin with one of {', '.join(f'{one}://' for one in _SCHEMES)}; {_EXAMPLE}")
    if scheme == "unix":
        return _unix_socket(rest)
    credentials, _, place = rest.rpartition("@")
    if _SENTINEL_SECRET.search(credentials):
        raise ValueError(f"in an option, write @ as %40; {_EXAMPLE}")
    place, _, query = place.partition("?")
    authority, _, path = place.partition("/")
    username, password = _login(credentials)
    address = StoreAddress(username=username, password=password, tls=scheme in _TLS_SCHEMES)
    if scheme.endswith("+sentinel"):
        return _sentinels(address, authority, path, _options(query, _SENTINEL_OPTIONS))
    options = _options(query, _TCP_OPTIONS)
    if "," in authority:
        raise ValueError(f"names several hosts, which only redis+sentinel:// takes; {_EXAMPLE}")
    # RFC 3986 and the registered scheme allow a URL without a host, redis:///0, which is one on this machine.
    host = authority or ("" if credentials else "localhost")
    return replace(
        address,
        hosts=(_host_and_port(host, _REDIS_PORT),),
        database=_database(path, options),
        family=int(_one_of(options, "family", ("0", "4", "6")) or 0),
        certificate=_certificate(address, options),
    )


def _unix_socket(rest: str) -> StoreAddress:
    credentials, divider, path = rest.rpartition("@/")
    path, _, query = (f"/{path}" if divider else rest).partition("?")
    if not path.startswith("/"):
        raise ValueError("must name the socket by its whole path, for example unix:///run/redis.sock")
    options = _options(query, _UNIX_OPTIONS)
    username, password = _login(credentials)
    database = _database("", options)
    return StoreAddress(socket=_decoded(path), username=username, password=password, database=database)


def _sentinels(address: StoreAddress, authority: str, path: str, options: Mapping[str, str]) -> StoreAddress:
    service, _, database = path.partition("/")
    return replace(
        address,
        certificate=_certificate(address, options),
        hosts=tuple(_host_and_port(part, _SENTINEL_PORT) for part in authority.split(",")),
        service=_decoded(service) or "mymaster",
        database=_database(database, options),
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
        sentinel_tls=_is_on(options, "sentinel_ssl", default=address.tls),
    )


def _login(credentials: str) -> tuple[str | None, str | None]:
    username, _, password = credentials.partition(":")
    return _decoded(username) or None, _decoded(password) or None


def _host_and_port(text: str, default_port: int) -> tuple[str, int]:
    parts = _AUTHORITY.fullmatch(text)
    if not text:
        raise ValueError(f"names no host; {_EXAMPLE}")
    if not parts or int(parts["port"] or default_port) not in _PORTS:
        raise ValueError(
            f"must have a port from 1 to 65535, and an IPv6 address in brackets; {_EXAMPLE} or redis://[::1]:6379"
        )
    host, port = parts["ipv6"] or parts["name"], int(parts["port"] or default_port)
    if not (_is_ipv6(host) if parts["ipv6"] else _is_name(host)):
        raise ValueError(f"names a host that cannot exist; {_EXAMPLE}")
    return host, port


def _database(path: str, options: Mapping[str, str]) -> int:
    named = {text for text in (path.strip("/"), options.get("db", "")) if text}
    if len(named) > 1:
        raise ValueError(f"names two databases, one in its path and one as db; {_EXAMPLE}")
    text = named.pop() if named else "0"
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError(f"must name the database by a number; {_EXAMPLE}")
    return int(text)


def _certificate(address: StoreAddress, options: Mapping[str, str]) -> str | None:
    """Return whether the URL demands a valid certificate; refuse options that contradict its scheme."""
    if _is_on(options, "ssl", default=address.tls) != address.tls:
        raise ValueError(
            "has the option ssl, which contradicts its scheme: rediss:// speaks TLS, redis:// does not; "
            "for example rediss://localhost:6380/0"
        )
    certificate = _one_of(options, "ssl_cert_reqs", tuple(_CERTIFICATE))
    if certificate and not address.tls:
        raise ValueError("has the option ssl_cert_reqs, but no TLS; for example rediss://localhost:6380/0")
    return _CERTIFICATE.get(certificate)


def _options(query: str, supported: Collection[str]) -> dict[str, str]:
    """Return the options that have a value, by name; refuse those that this kind of URL does not support."""
    found: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, assigned, value = part.partition("=")
        if not assigned or not re.fullmatch(r"[A-Za-z_-]{1,40}", name):
            raise ValueError(f"has an option that is not name=value; {_EXAMPLE}")
        if name not in supported:
            raise ValueError(
                f"has the option {name}, which the receiver does not support here. {_OWN_URL}, {_EXAMPLE}"
            )
        if name in found:
            raise ValueError(f"has the option {name} twice; {_EXAMPLE}")
        found[name] = _decoded(value)
    _one_of(found, "protocol", ("2",))
    return {name: value for name, value in found.items() if value}


def _one_of(options: Mapping[str, str], name: str, choices: Collection[str]) -> str:
    """Return an option's value, in lower case; an empty text if it is not set."""
    value = options.get(name, "").lower()
    if value and value not in choices:
        raise ValueError(
            f"has the option {name}, which takes only {', '.join(choices)}. {_OWN_URL}, {_EXAMPLE}"
        )
    return value


def _is_on(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = _one_of(options, name, ("true", "1", "false", "0"))
    return value in {"true", "1"} if value else default


def _decoded(text: str) -> str:
    """Decode percent-encoding; return the text unchanged if that is not UTF-8."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def _is_utf8(text: str) -> bool:
    """Return whether a text can be encoded; bytes of the environment that are not UTF-8 cannot (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_name(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    return len(host) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in labels)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True
