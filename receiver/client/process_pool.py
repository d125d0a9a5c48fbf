"""A connection pool of urllib3 for each process, with the environment's proxy."""

import copy
import os
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

_POOL_SIZE: Final = 100
"""Connections kept for the next request. More may be open at a time; they are closed after use."""

_PORTS: Final = {"http": 80, "https": 443}


class ProcessPool:
    """A connection pool that each process has for itself.

    After a fork, parent and child have the same sockets. If both used them, each would read responses to the
    other's requests (urllib3 does not notice a fork: urllib3/urllib3#850).

    Args:
        target: the receiver's address; decides which proxy of the environment is used, if any.
        given: a pool to use instead of a new one. After a fork the child uses a copy of it, with the same
            settings and without its connections.

    Raises:
        ValueError: the environment's proxy is malformed.
    """

    def __init__(self, target: SplitResult, given: urllib3.PoolManager | None) -> None:
        self._proxy = "" if given else _proxy_for(target, getproxies())
        self._pool = given or _new_pool(self._proxy)
        self._process = os.getpid()

    @property
    def proxy(self) -> str:
        """The proxy's address, without user and password; empty if there is none."""
        parts = urlsplit(self._proxy)
        return self._proxy and f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def get(self) -> urllib3.PoolManager:
        """Return the pool of this process."""
        if self._process != (process := os.getpid()):
            # Replaced, not cleared: a thread that held its lock at the fork does not exist in this process.
            self._pool = without_connections(self._pool)
            self._process = process
        return self._pool


def _new_pool(proxy: str) -> urllib3.PoolManager:
    if not proxy:
        return urllib3.PoolManager(maxsize=_POOL_SIZE)
    parts = urlsplit(proxy)
    credentials = ":".join(unquote(text or "") for text in (parts.username, parts.password))
    headers = urllib3.make_headers(proxy_basic_auth=credentials) if parts.username else None
    return urllib3.ProxyManager(proxy, maxsize=_POOL_SIZE, proxy_headers=headers)


def without_connections(pool: urllib3.PoolManager) -> urllib3.PoolManager:
    """Return a pool with the same settings and none of the connections."""
    fresh = copy.copy(pool)
    fresh.pools = type(pool.pools)()
    return fresh


def _proxy_for(target: SplitResult, proxies: Mapping[str, str]) -> str:
    """Return the proxy that the environment names for an address (`HTTPS_PROXY` and so on); empty for none."""
    proxy = proxies.get(target.scheme) or proxies.get("all") or ""
    if not proxy or _is_excepted(target, proxies.get("no", "")):
        return ""
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    parts = urlsplit(proxy)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"the environment's proxy for {target.scheme} addresses is malformed: "
            f"set {target.scheme.upper()}_PROXY to an address such as http://proxy.example:3128, "
            f"or add {target.hostname} to NO_PROXY"
        )
    return proxy


def _is_excepted(target: SplitResult, excepted: str) -> bool:
    """Return whether `NO_PROXY` has the host: by name, with its port, or by a network such as 10.0.0.0/8."""
    host = target.hostname or ""
    written = f"[{host}]" if ":" in host else host
    if proxy_bypass(host) or proxy_bypass(f"{written}:{target.port or _PORTS[target.scheme]}"):
        return True
    try:
        address = ip_address(host)
    except ValueError:  # a name, which is in no network
        return False
    return any(_contains(entry.strip(), address) for entry in excepted.split(","))


def _contains(network: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:  # another kind of entry
        return False
