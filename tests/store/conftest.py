from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from receiver.background.overdue_watcher import OverdueWatcher
from receiver.graph.updates import OperationUpdate
from receiver.store.eraser import Eraser
from receiver.store.reader import Reader
from receiver.store.records import OperationRecord
from receiver.store.skipped_values import SkippedValues
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Item, Writer
from tests.store.spooling import Process
from tests.support.stores import StoreServer

NOW = 4_000_000_000
"""In a far future, so that no receiver that still runs on the same store finds anything of ours overdue."""


@dataclass
class Shelf:
    """A writer, a reader and an eraser on one store, with a clock that the test sets, and a name for each delivery."""

    store_client: StoreClient
    now: float = NOW
    deliveries: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.skipped = SkippedValues()
        self.writer = Writer(
            BatchingClient(self.store_client), retention_days=30, skipped=self.skipped, clock=lambda: self.now
        )
        self.reader = Reader(self.store_client, skipped=self.skipped)
        self.eraser = Eraser(self.store_client)
        self.deadlines = OverdueWatcher(self.store_client, skipped=self.skipped, clock=lambda: self.now)

    def keep(self, *items: Item, notification_id: str | None = None) -> list[str]:
        return self.writer.store(
            items, notification_id=notification_id or str(next(self.deliveries)), within=2
        )

    def register(self, operation: OperationUpdate, *, deadline: int | None = None) -> str:
        notification_id = str(next(self.deliveries))
        return self.writer.register(operation, notification_id=notification_id, within=2, deadline=deadline)

    def latest(self, client_context: str = "invite-1") -> OperationRecord:
        record = self.reader.latest(client_context)
        assert record is not None
        return record


@pytest.fixture
def shelf_of() -> Iterator[Callable[[StoreServer], Shelf]]:
    store_clients: list[StoreClient] = []

    def make(server: StoreServer) -> Shelf:
        store_clients.append(StoreClient(connect(server.url, "required")))
        return Shelf(store_clients[-1])

    yield make
    for store_client in store_clients:
        store_client.close()


@pytest.fixture
def shelf(store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]) -> Shelf:
    return shelf_of(store)


@pytest.fixture
def every_shelf(every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]) -> Shelf:
    """A shelf on an empty store, of each kind in turn."""
    return shelf_of(every_store)


@pytest.fixture
def process_of(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Make processes that share a spool."""
    made: list[Process] = []

    def make(server: StoreServer, **options: int) -> Process:
        made.append(Process(tmp_path / "spool", StoreClient(connect(server.url, "required")), **options))
        return made[-1]

    yield make
    for process in made:
        process.drainer.close()
        process.spool.close()
        process.store_client.close()


@pytest.fixture
def process(own_store: StoreServer, process_of: Callable[..., Process]) -> Process:
    return process_of(own_store)
