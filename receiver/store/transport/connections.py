"""Make connections to Redis from an address. redis-py speaks the protocol; `StoreClient` keeps the deadlines."""

import socket
from collections.abc import Mapping
from typing import Any, Final, cast

from redis.backoff import NoBackoff
from redis.connection import (
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.retry import Retry
from redis.sentinel import Sentinel

from receiver.store.transport.store_address import StoreAddress, parse_address

MAX_CONNECTIONS: Final = 5
"""Connections of each client in a worker. Small plans allow twenty in all, and a rolling deploy needs twice as many."""

CONNECT_SECONDS: Final = 0.3
"""Time limit for connecting. A second attempt, or the spool, has to fit into a request's 2.3 s."""

HANDSHAKE_SECONDS: Final = 0.5
"""Time limit for one step of TLS and of the login after it."""

_COMMON: Final = {
    "protocol": 2,  # the receiver needs nothing of RESP3, and every old server or proxy speaks RESP2
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_timeout": HANDSHAKE_SECONDS,
    "driver_info": None,  # no CLIENT SETINFO, which not every user may run
}
_FAMILIES: Final = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


def connect(url: str, tls_verify: str) -> ConnectionPool:
    """Make a pool of connections to the store, without connecting yet.

    Args:
        url: the URL of the store, as `parse_address` reads it.
        tls_verify: `required`, `none`, or the path of a CA certificate. It takes precedence over the URL.

    Raises:
        ValueError: the URL is not that of a store.
    """
    address = parse_address(url)
    options: dict[str, Any] = {**_COMMON, "retry": Retry(NoBackoff(), 0), "db": address.database}
    options |= {"username": address.username, "password": address.password}
    tls: dict[str, Any] = {
        "ssl_cert_reqs": "none" if tls_verify == "none" else "required",
        "ssl_ca_certs": tls_verify if tls_verify not in {"none", "required"} else None,
    }
    if address.service is not None:
        return _sentinel_pool(address, options, tls)
    if address.socket is not None:
        return ConnectionPool(UnixDomainSocketConnection, MAX_CONNECTIONS, path=address.socket, **options)
    [(options["host"], options["port"])] = address.hosts
    options["socket_type"] = _FAMILIES[address.family]  # redis-py's name for the family
    if address.tls:
        return ConnectionPool(SSLConnection, MAX_CONNECTIONS, **options, **tls)
    return ConnectionPool(Connection, MAX_CONNECTIONS, **options)


def _sentinel_pool(
    address: StoreAddress, options: Mapping[str, Any], tls: Mapping[str, Any]
) -> ConnectionPool:
    sentinels = {
        **options,
        "db": 0,
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        **({"ssl": True, **tls} if address.sentinel_tls else {}),
    }
    made = _SettledSentinel(  # type: ignore[no-untyped-call]
        address.hosts,
        sentinel_kwargs=sentinels,
        **options,
        **({"ssl": True, **tls} if address.tls else {}),
    )
    primary = cast("Sentinel", made).master_for(str(address.service))
    pool: ConnectionPool = primary.connection_pool
    return pool


class _SettledSentinel(Sentinel):
    """Returns no primary during a failover.

    The old primary may be back before it knows of the failover, and still report itself as the primary: writes that it
    takes are lost.
    """

    def check_master_state(self, state: dict[str, Any], service_name: str) -> bool:
        is_usable: bool = super().check_master_state(state, service_name)  # type: ignore[no-untyped-call]
        return is_usable and "failover_in_progress" not in state["flags"]
