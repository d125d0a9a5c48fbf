"""One writer and one reader on one store, with a clock that the test sets."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from receiver.background.overdue_watcher import OverdueWatcher
from receiver.graph.updates import OperationUpdate
from receiver.store.eraser import Eraser
from receiver.store.reader import Reader
from receiver.store.records import OperationRecord
from receiver.store.skipped_values import SkippedValues
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Item, Writer

PATIENCE = 20
"""Seconds that a write may take; many times what it takes on a machine that is not busy."""

NOW = 4_000_000_000
"""In a far future, so that no receiver that still runs on the same store finds anything of ours overdue."""


@dataclass
class Shelf:
    """A writer, a reader and an eraser on one store, with a clock that the test sets and ids for notifications.

    `within` is the seconds that a write may take; a test of a store that accepts none sets fewer.
    """

    store_client: StoreClient
    now: float = NOW
    within: float = PATIENCE
    notification_ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.skipped = SkippedValues()
        self.writer = Writer(
            BatchingClient(self.store_client),
            retention_days=30,
            overdue_seconds=120,
            skipped=self.skipped,
            clock=lambda: self.now,
        )
        self.reader = Reader(self.store_client, skipped=self.skipped)
        self.eraser = Eraser(self.store_client)
        self.deadlines = OverdueWatcher(self.store_client, skipped=self.skipped, clock=lambda: self.now)

    def keep(self, *items: Item, notification_id: str | None = None) -> list[str]:
        return self.writer.store(
            items, notification_id=notification_id or str(next(self.notification_ids)), within=self.within
        )

    def register(self, operation: OperationUpdate, *, deadline: int | None = None) -> str:
        notification_id = str(next(self.notification_ids))
        return self.writer.register(
            operation, notification_id=notification_id, within=self.within, deadline=deadline
        )

    def latest(self, client_context: str = "invite-1") -> OperationRecord:
        record = self.reader.latest(client_context)
        assert record is not None
        return record
