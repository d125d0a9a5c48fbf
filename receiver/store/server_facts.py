"""What the server behind the store says of itself: its version, and how safe what it keeps is."""

from dataclasses import dataclass
from typing import Self

from receiver.errors import NotPermittedError
from receiver.store.transport.store_client import StoreClient


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """How the server is set up.

    Args:
        name: `redis`, `valkey`, or what else it calls itself.
        version: its own, as text.
        takes_writes: it is no replica.
        eviction: its policy when it is full; anything but `noeviction` throws results away.
        appends: it keeps an append-only file.
        replicas: how many are connected.
        writes_alone: it has replicas, and takes writes also while it has lost them all (`min-replicas-to-write`
            is 0). One that was replaced, and does not know it yet, takes writes that are lost with it.
    """

    name: str
    version: str
    takes_writes: bool
    eviction: str
    appends: bool
    replicas: int
    writes_alone: bool

    @classmethod
    def read(cls, store_client: StoreClient, *, within: float) -> Self:
        """Ask the server.

        Raises:
            NotPermittedError: the user may not run INFO.
            StoreUnavailableError: it does not answer in time.
        """
        [reply] = store_client.call([("INFO",)], within=within)
        info = dict(line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)
        replicas = int(info.get("connected_slaves", "0"))
        return cls(
            name=info.get("server_name", "redis"),
            version=info.get("valkey_version") or info.get("redis_version", "0"),
            takes_writes=info.get("role") in {None, "master"},
            eviction=info.get("maxmemory_policy", "noeviction"),
            appends=info.get("aof_enabled") == "1",
            replicas=replicas,
            writes_alone=replicas > 0 and "min_slaves_good_slaves" not in info,
        )

    @property
    def may_evict(self) -> bool:
        """It may throw results away when it is full."""
        return self.eviction != "noeviction"

    @property
    def is_too_old(self) -> bool:
        """It lacks commands that are needed: those of Redis 6.2."""
        major, minor, *_ = (*(int(part) for part in self.version.split(".")[:2]), 0, 0)
        return (major, minor) < (6, 2)


class ServerFactsReader:
    """Reads the server's condition, and stops asking once that is not permitted: each refusal is logged as an error."""

    def __init__(self, store_client: StoreClient) -> None:
        self._store_client = store_client
        self._is_refused = False

    def read(self, *, within: float) -> ServerFacts | None:
        """Return the condition; None where the user may not run INFO.

        Raises:
            StoreUnavailableError: it does not answer in time.
        """
        if self._is_refused:
            return None
        try:
            return ServerFacts.read(self._store_client, within=within)
        except NotPermittedError:
            self._is_refused = True
            return None
