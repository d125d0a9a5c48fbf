"""Facts that the Redis server reports: its version, and how safely it keeps data."""

from dataclasses import dataclass
from typing import Self

from receiver.errors import NotPermittedError
from receiver.store.transport.store_client import StoreClient


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The set-up of the server, as INFO reports it.

    Args:
        name: `redis`, `valkey`, or another name.
        version: the server's version.
        takes_writes: the server is not a replica.
        eviction: the policy of a full server; any but `noeviction` loses results.
        appends: the server writes an append-only file.
        replicas: how many replicas are connected.
        writes_alone: the server has replicas, and takes writes even while it has lost them all
            (`min-replicas-to-write` is 0). A primary that was replaced, and has not noticed yet, takes writes that are
            lost with it.
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
        """Run INFO and return what it reports.

        Raises:
            NotPermittedError: the user may not run INFO.
            StoreUnavailableError: the store does not answer in time.
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
        """Whether a full server evicts results."""
        return self.eviction != "noeviction"

    @property
    def is_too_old(self) -> bool:
        """Whether the server lacks commands that the receiver needs, those of Redis 6.2."""
        major, minor, *_ = (*(int(part) for part in self.version.split(".")[:2]), 0, 0)
        return (major, minor) < (6, 2)


class ServerFactsReader:
    """Reads the server's facts, and stops asking once INFO is not permitted: each refusal is logged as an error."""

    def __init__(self, store_client: StoreClient) -> None:
        self._store_client = store_client
        self._is_refused = False

    def read(self, *, within: float) -> ServerFacts | None:
        """Return the facts; None if the user may not run INFO.

        Raises:
            StoreUnavailableError: the store does not answer in time.
        """
        if self._is_refused:
            return None
        try:
            return ServerFacts.read(self._store_client, within=within)
        except NotPermittedError:
            self._is_refused = True
            return None
