"""The loads that are measured."""

from dataclasses import dataclass
from typing import Final, Literal

CONNECTIONS: Final = (1, 16, 64, 256)
FEW: Final = 1_000
MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent to a server, and how.

    Args:
        name: for `--only` and the table.
        connections: how many at once.
        items: notifications in a POST.
        close: a new connection for each request, as Graph does, instead of kept-alive ones.
        kind: `results` posts invitations that have completed, each of an operation of its own; `lives` posts of
            each invitation first that it runs, then its result; `query` asks for invitations that are stored.
        records: how many are stored before.
    """

    name: str
    connections: int
    items: int = 1
    close: bool = False
    kind: Literal["results", "lives", "query"] = "results"
    records: int = FEW

    @property
    def title(self) -> str:
        """Say what it is."""
        what = {
            "results": f"{self.items} item{'s' if self.items > 1 else ''} a POST",
            "lives": "1 item a POST, running and then completed",
            "query": "GET by client context",
        }[self.kind]
        how = "Connection: close" if self.close else "keep-alive"
        return f"{self.name}: {what}, {self.connections} connections, {how}, {self.records:,} records stored"


LOADS: Final = {
    load.name: load
    for load in (
        *(Load(f"keep-{many}", many) for many in CONNECTIONS),
        *(Load(f"close-{many}", many, close=True) for many in CONNECTIONS),
        Load("lives", 64, kind="lives"),
        Load("batch", 16, items=50),
        Load("query", 64, kind="query"),
        Load("million", 64, records=MANY),
    )
}
