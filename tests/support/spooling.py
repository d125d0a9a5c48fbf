"""One process's use of the store and the spool, in a test."""

from dataclasses import dataclass
from pathlib import Path

from receiver.graph.updates import OperationUpdate
from receiver.spool.drainer import Drainer
from receiver.spool.intake import Intake, Outage
from receiver.spool.spool_eraser import SpoolEraser
from receiver.spool.spool_file import SpoolFile
from receiver.spool.spool_queue import Spool
from receiver.store.reader import Reader
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Writer
from tests.support.waiting import until

DISK = 8 << 20


@dataclass
class Process:
    """One process: its own store client, and its own use of the shared spool."""

    folder: Path
    store_client: StoreClient
    max_bytes: int = DISK

    def __post_init__(self) -> None:
        self.file = SpoolFile(self.folder, self.max_bytes)
        self.spool = Spool(self.file)
        self.spool.start()
        self.outage = Outage()
        self.writer = Writer(BatchingClient(self.store_client), retention_days=30, overdue_seconds=120)
        self.reader = Reader(self.store_client)
        self.eraser = SpoolEraser(self.store_client, self.spool)
        self.intake = Intake(self.writer, self.spool, self.outage)
        self.drainer = Drainer(self.spool, self.writer, self.outage, retention_days=30)

    def keep(self, *items: object, notification_id: str = "d") -> list[str]:
        return self.intake.store(items, notification_id=notification_id, within=3)  # type: ignore[arg-type]

    def drained(self, seconds: float = 10) -> None:
        until(lambda: not self.spool.status().waiting and not self.outage.is_active, seconds)


def fill(process: Process, items: OperationUpdate) -> None:
    for _ in range(10):
        process.keep(items)


def contents(process: Process) -> list[bytes]:
    return [path.read_bytes() for path in sorted(process.file.folder.glob("*.db*"))]
