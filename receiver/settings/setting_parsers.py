"""Parsers of settings: each takes a text and returns its value, or raises a ValueError with what is expected."""

import ipaddress
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from receiver.store.transport.store_address import parse_address
from receiver.trust.api_keys import APIKey

_GUID: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_GENERATED_KEY: Final = re.compile(r"[A-Za-z0-9._~+/-]{32,}=*")
"""A key that fits into an `Authorization: Bearer` header (RFC 6750, section 2.1) and is too long to guess."""

_BIND_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}")
_HOST: Final = re.compile(r"([a-z0-9][a-z0-9.-]*|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def guid(text: str) -> str:
    """Parse a GUID, in either case, to lower case."""
    if not _GUID.fullmatch(text.lower()):
        raise ValueError(
            "must be GUIDs, separated by commas, for example 11111111-2222-3333-4444-555555555555"
        )
    return text.lower()


def api_key(text: str) -> APIKey:
    """Parse an entry of RECEIVER_API_KEYS."""
    try:
        return APIKey.parse(text)
    except ValueError as error:
        raise ValueError(f"{error}. `receiver keys` makes a key and its entry") from None


def generated_key(text: str) -> APIKey:
    """Parse an API key that a platform generated; its scopes are read and write."""
    if not _GENERATED_KEY.fullmatch(text):
        raise ValueError(
            "must be at least 32 random letters and digits, for example what `receiver keys` makes"
        )
    return APIKey.of(text, "generated", ["read", "write"])


def redis_url(text: str, tls_verify: str) -> str:
    """Parse the URL of a store, which must not contradict RECEIVER_REDIS_TLS_VERIFY."""
    in_url = parse_address(text).certificate
    if in_url and (in_url == "none") != (tls_verify == "none"):
        raise ValueError(
            f"has ssl_cert_reqs={in_url}, but RECEIVER_REDIS_TLS_VERIFY decides. Remove the option, or set, for "
            f"example RECEIVER_REDIS_TLS_VERIFY={in_url}"
        )
    return text


def bind_host(text: str) -> str:
    """Parse the address to listen on: an IP address, optionally in brackets, or a host name."""
    address = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if _BIND_NAME.fullmatch(text) or (_is_ip(address) and "%" not in address):
        return address
    raise ValueError("must be an IP address or a host name, without a port, for example 0.0.0.0 or [::]")


def client_states(text: str) -> tuple[str, ...]:
    """Parse clientState values: separated by commas, one a line, or as a JSON array of strings.

    A comma does not separate values where each has its own line, in a JSON array, or within a JSON object, which some
    subscriptions use as their clientState.
    """
    if text.startswith("["):
        return _json_strings(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and not any(line.endswith(",") for line in lines):
        return tuple(lines)
    return tuple(_parts(text))


def _json_strings(text: str) -> tuple[str, ...]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise ValueError(
            'must be a JSON array of strings, since it begins with [; for example ["one", "two, three"]'
        )
    return tuple(values)


def _parts(text: str) -> Iterator[str]:
    """Split text at its commas, except within a JSON object."""
    rest = text.strip()
    while rest:
        end = _end_of_object(rest) if rest.startswith("{") else 0
        part, _, following = rest[end:].partition(",")
        if value := (rest[:end] + part).strip():
            yield value
        rest = following.strip()


def _end_of_object(text: str) -> int:
    """Return the end of the JSON object at the beginning of the text; 0 if there is none."""
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 0


def tls_verify(text: str) -> str:
    """Parse how the store's certificate is verified: `required`, `none`, or the file of a CA certificate."""
    if text.lower() in {"required", "none"}:
        return text.lower()
    if not _has_certificate(Path(text)):
        raise ValueError(
            "must be required, none, or the path of a file with the CA certificate in PEM form, for example "
            "/etc/ssl/certs/redis-ca.pem"
        )
    return text


def _has_certificate(file: Path) -> bool:
    try:
        return b"-----BEGIN " in file.read_bytes()
    except (OSError, ValueError):  # not repeated in an error: the text may be a secret
        return False


def metadata_url(text: str) -> str:
    """Parse an address whose responses can't be forged: https, or a loopback address."""
    if _is_trustworthy(text):
        return text
    raise ValueError("must be https, or http on a loopback address; for example https://host.example/path")


def certificates(text: str) -> Path:
    """Parse the path of a file of certificates in PEM form."""
    if not _has_certificate(Path(text)):
        raise ValueError(
            "must name a readable file of certificates in PEM form, for example /etc/ssl/certs/ca-certificates.crt"
        )
    return Path(text)


def certificate_folders(text: str) -> tuple[Path, ...]:
    """Parse folders of certificates, separated by colons as for OpenSSL."""
    folders = tuple(Path(part) for part in text.split(":") if part)
    if not all(folder.is_dir() for folder in folders):
        raise ValueError("must name a folder of certificates, for example /etc/ssl/certs")
    return folders


def http_url(text: str) -> str:
    """Parse an HTTP address."""
    if not text.startswith(("http://", "https://")):
        raise ValueError("must be http or https; for example http://localhost:4318")
    return text


def seconds(text: str) -> float:
    """Parse a number of seconds, with or without a fraction."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?", text) or float(text) == 0:
        raise ValueError("must be a number of seconds, more than 0 and less than 1000, for example 3 or 0.5")
    return float(text)


def host(text: str) -> str:
    """Parse a host name, optionally with a port."""
    if not _HOST.fullmatch(text.lower()):
        raise ValueError("must be host names, separated by commas, for example login.microsoftonline.com")
    return text.lower()


def _is_trustworthy(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def path(text: str) -> Path:
    """Parse a path, which may be relative or begin with `~`, to an absolute one."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError(
            "begins with an unknown user or home folder; set an absolute path, for example /var/lib/receiver"
        ) from None
