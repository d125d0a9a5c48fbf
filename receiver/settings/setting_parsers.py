"""What may stand in a setting: each function returns what a text means, or says in a ValueError what is wanted."""

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
"""What may stand in an `Authorization: Bearer` header (RFC 6750, section 2.1), and can't be guessed."""

_BIND_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}")
_HOST: Final = re.compile(r"([a-z0-9][a-z0-9.-]*|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def guid(text: str) -> str:
    """Take a GUID, in either case."""
    if not _GUID.fullmatch(text.lower()):
        raise ValueError(
            "must be GUIDs, separated by commas, for example 11111111-2222-3333-4444-555555555555"
        )
    return text.lower()


def api_key(text: str) -> APIKey:
    """Take an API key's entry."""
    try:
        return APIKey.parse(text)
    except ValueError as error:
        raise ValueError(f"{error}. `receiver keys` makes a key and its entry") from None


def generated_key(text: str) -> APIKey:
    """Take an API key that a platform has made: it may read and write."""
    if not _GENERATED_KEY.fullmatch(text):
        raise ValueError(
            "must be at least 32 random letters and digits, for example what `receiver keys` makes"
        )
    return APIKey.of(text, "generated", ["read", "write"])


def redis_url(text: str, tls_verify: str) -> str:
    """Take the URL of a store, if it does not contradict RECEIVER_REDIS_TLS_VERIFY."""
    said = parse_address(text).certificate
    if said and (said == "none") != (tls_verify == "none"):
        raise ValueError(
            f"says ssl_cert_reqs={said}, but RECEIVER_REDIS_TLS_VERIFY decides. Remove the option, or set, for example "
            f"RECEIVER_REDIS_TLS_VERIFY={said}"
        )
    return text


def bind_host(text: str) -> str:
    """Take what to listen on: an IP address, also in brackets, or the name of one."""
    address = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if _BIND_NAME.fullmatch(text) or (_is_ip(address) and "%" not in address):
        return address
    raise ValueError("must be an IP address or a host's name, without a port, for example 0.0.0.0 or [::]")


def client_states(text: str) -> tuple[str, ...]:
    """Take clientState values: separated by commas, one to a line, or as a JSON array of strings.

    A comma in a value separates nothing where each value has its own line, in a JSON array, or within a JSON object,
    which people use as a clientState.
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
            'must be, where it begins with [, a JSON array of strings, for example ["one", "two, three"]'
        )
    return tuple(values)


def _parts(text: str) -> Iterator[str]:
    """Separate text at its commas, but not within a JSON object."""
    rest = text.strip()
    while rest:
        end = _end_of_object(rest) if rest.startswith("{") else 0
        part, _, following = rest[end:].partition(",")
        if value := (rest[:end] + part).strip():
            yield value
        rest = following.strip()


def _end_of_object(text: str) -> int:
    """Return where a JSON object that text begins with ends; 0 where it begins with none."""
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 0


def tls_verify(text: str) -> str:
    """Take how the store's certificate is verified: `required`, `none`, or by the CA certificate in a file."""
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
    except (OSError, ValueError):  # it may be anything, a secret too
        return False


def metadata_url(text: str) -> str:
    """Take an address that only its owner can answer for."""
    if _is_trustworthy(text):
        return text
    raise ValueError("must be https, or http on a loopback address; for example https://host.example/path")


def certificates(text: str) -> Path:
    """Take a file of certificates in PEM form."""
    if not _has_certificate(Path(text)):
        raise ValueError(
            "must name a readable file of certificates in PEM form, for example /etc/ssl/certs/ca-certificates.crt"
        )
    return Path(text)


def certificate_folders(text: str) -> tuple[Path, ...]:
    """Take folders of certificates, separated by colons, as OpenSSL does."""
    folders = tuple(Path(part) for part in text.split(":") if part)
    if not all(folder.is_dir() for folder in folders):
        raise ValueError("must name a folder of certificates, for example /etc/ssl/certs")
    return folders


def http_url(text: str) -> str:
    """Take an address of HTTP."""
    if not text.startswith(("http://", "https://")):
        raise ValueError("must be http or https; for example http://localhost:4318")
    return text


def seconds(text: str) -> float:
    """Take a number of seconds, with a fraction or without."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?", text) or float(text) == 0:
        raise ValueError("must be a number of seconds, more than 0 and less than 1000, for example 3 or 0.5")
    return float(text)


def host(text: str) -> str:
    """Take a host's name, maybe with a port."""
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
    """Take a path, which may be relative, or begin with a user's folder."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError(
            "begins with a user or a home that is unknown; give a folder, for example /var/lib/receiver"
        ) from None
