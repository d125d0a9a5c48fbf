"""Find the store's address in `VCAP_SERVICES`, the JSON in which Cloud Foundry lists the services bound to an app.

It holds a list of bindings for each kind of service; each service broker chooses the form of its credentials. Pure: it
takes a text and returns an address.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

_SCHEMES: Final = ("redis://", "rediss://")
_WORDS: Final = ("redis", "valkey")


def redis_url(vcap_services: str) -> str | None:
    """Return the address of the first bound service that is a Redis or Valkey; None if no service is.

    Raises:
        ValueError: the text is not what Cloud Foundry sets.
    """
    try:
        services = json.loads(vcap_services)
    except ValueError:
        services = None
    if not isinstance(services, dict):
        example = '{"redis": [{"credentials": {"uri": "rediss://…"}}]}'
        raise ValueError(f"must be JSON as Cloud Foundry sets it, for example {example}")  # noqa: TRY004
    return next((url for binding in _bindings(services) if (url := _address(binding))), None)


def _bindings(services: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for bindings in services.values():
        if isinstance(bindings, list):
            yield from (binding for binding in bindings if isinstance(binding, dict))


def _address(binding: Mapping[str, object]) -> str | None:
    credentials = binding.get("credentials")
    if not isinstance(credentials, dict):
        return None
    for name in ("uri", "url"):
        if str(credentials.get(name)).startswith(_SCHEMES):
            return str(credentials[name])
    return _assembled(credentials) if _is_redis(binding) else None


def _is_redis(binding: Mapping[str, object]) -> bool:
    description = json.dumps([binding.get(name) for name in ("label", "name", "tags")]).lower()
    return any(word in description for word in _WORDS)


def _assembled(credentials: Mapping[str, object]) -> str | None:
    """Build an address from its parts; with TLS if the credentials have a port for it or ask for it."""
    host = credentials.get("host") or credentials.get("hostname")
    tls_port = credentials.get("tls_port")
    port = tls_port or credentials.get("port")
    if not host or not port:
        return None
    secure = tls_port or credentials.get("tls") or credentials.get("ssl")
    user, password = (quote(str(credentials.get(name) or ""), safe="") for name in ("username", "password"))
    login = f"{user}:{password}@" if user or password else ""
    address = f"[{host}]" if ":" in str(host) else host
    return f"{'rediss' if secure else 'redis'}://{login}{address}:{port}"
