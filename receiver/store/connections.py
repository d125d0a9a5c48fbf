"""Connections to Redis: how to make one of an address. The protocol is redis-py's, the waiting is `Link`'s."""

from typing import Any, Final
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.retry import Retry
from redis.sentinel import Sentinel

MAX_CONNECTIONS: Final = 5
"""For each worker. Small plans allow twenty in all, and a rolling deploy needs twice the usual."""

CONNECT_SECONDS: Final = 0.3
HANDSHAKE_SECONDS: Final = 0.5


def connect(url: str, tls_verify: str) -> ConnectionPool:
    """Make a pool of connections to the store; nothing is sent yet.

    Args:
        url: `redis://`, `rediss://`, `unix://`, or `redis+sentinel://[:password@]host:port,…/service[/db]`.
        tls_verify: `required`, `none`, or the path of a CA certificate.
    """
    options: dict[str, Any] = {
        "protocol": 2,  # nothing we need is of RESP3, and any old server or proxy speaks RESP2
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": HANDSHAKE_SECONDS,
        "driver_info": None,
    }
    if url.startswith("redis+sentinel://"):
        return _sentinel_pool(url, options)
    if url.startswith("rediss://"):
        options["ssl_cert_reqs"] = "none" if tls_verify == "none" else "required"
        if tls_verify not in {"none", "required"}:
            options["ssl_ca_certs"] = tls_verify
    return ConnectionPool.from_url(url, max_connections=MAX_CONNECTIONS, **options)


def _sentinel_pool(url: str, options: dict[str, Any]) -> ConnectionPool:
    parts = urlsplit(url)
    service, _, database = parts.path.lstrip("/").partition("/")
    addresses = []
    for address in parts.netloc.rpartition("@")[2].split(","):
        host, _, port = address.partition(":")
        addresses.append((host, int(port or 26379)))
    credentials = {"username": parts.username or None, "password": parts.password}
    made = _Settled(addresses, sentinel_kwargs=options, **options, **credentials)  # type: ignore[no-untyped-call]
    sentinel: Sentinel = made
    primary = sentinel.master_for(service or "mymaster", db=int(database or 0))
    pool: ConnectionPool = primary.connection_pool
    return pool


class _Settled(Sentinel):
    """Names no primary while another takes its place.

    The old one may be back before it knows, and say of itself that it is the primary: what it takes is lost.
    """

    def check_master_state(self, state: dict[str, Any], service_name: str) -> bool:
        is_well: bool = super().check_master_state(state, service_name)  # type: ignore[no-untyped-call]
        return is_well and "failover_in_progress" not in state["flags"]
