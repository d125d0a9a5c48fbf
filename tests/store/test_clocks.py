"""Times are from the store's clock, not the receiver's; a spooled notification is merged with its age."""

import time
from collections.abc import Callable

import pytest

from receiver.background.overdue_watcher import OverdueWatcher
from receiver.spool.spool_file import SpoolFile
from receiver.store.reader import OperationFilter
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.writer import Writer
from tests.support.shelf import Shelf
from tests.support.spooling import DISK, Process
from tests.support.stores import StoreServer
from tests.support.updates import operation

HOUR = 3600


def by_the_store(store: StoreServer) -> float:
    seconds, microseconds = store.client.time()
    return float(seconds + microseconds / 1e6)


@pytest.mark.parametrize("wrong", [-HOUR, HOUR])
def test_receiver_with_wrong_clock_makes_nothing_overdue(
    every_store: StoreServer,
    shelf_of: Callable[[StoreServer], Shelf],
    monkeypatch: pytest.MonkeyPatch,
    wrong: int,
) -> None:
    shelf = shelf_of(every_store)
    right_time = time.time
    before = by_the_store(every_store)
    monkeypatch.setattr(time, "time", lambda: right_time() + wrong)
    writer = Writer(BatchingClient(shelf.store_client), retention_days=30, overdue_seconds=1)
    writer.store([operation("running")], notification_id="1", within=2)
    deadlines = OverdueWatcher(shelf.store_client)
    assert deadlines.mark() == 0
    record = shelf.latest()
    assert before * 1000 - 1 <= record.first_seen <= by_the_store(every_store) * 1000
    assert record.due == record.first_seen + 1000
    assert record.times == {"running": record.first_seen}
    while by_the_store(every_store) * 1000 <= record.due:
        time.sleep(0.01)
    assert deadlines.mark() == 1


def test_spooled_update_counts_from_its_arrival(process: Process, own_store: StoreServer) -> None:
    came = by_the_store(own_store) - HOUR
    process.keep(operation("running", cc="direct", op="direct"))
    an_hour_ago = SpoolFile(process.folder, DISK, clock=lambda: time.time() - HOUR)
    process.spool.put([operation("running", cc="other", op="other")], notification_id="1", within=5)
    entries = process.file.read(0)
    an_hour_ago.append([("2", entry.items) for entry in entries])
    process.file.remove(entries)
    process.drainer.start()
    process.drained()
    record = process.reader.latest("other")
    assert record
    assert record.due
    assert abs(record.first_seen - came * 1000) < 60_000
    assert record.due == record.first_seen + 120_000
    assert abs(record.numbered - record.first_seen - HOUR * 1000) < 60_000
    assert OverdueWatcher(process.store_client).mark() == 1


def test_list_since_continues_past_a_spooled_update(shelf: Shelf, store: StoreServer) -> None:
    writer = Writer(BatchingClient(shelf.store_client), retention_days=30, overdue_seconds=120)
    now = round(by_the_store(store) * 1000)
    writer.store([operation(cc="direct", op="1")], notification_id="1", within=2)
    writer.store([operation(cc="spooled", op="2")], notification_id="2", within=2, age=HOUR)
    writer.store([operation(cc="direct-again", op="3")], notification_id="3", within=2)
    found = shelf.reader.operations(OperationFilter(since=now - 60_000), limit=9).operations
    assert [record.client_context for record in found] == ["direct-again", "direct"]


def test_older_update_does_not_set_the_time_of_change_back(shelf: Shelf) -> None:
    writer = Writer(BatchingClient(shelf.store_client), retention_days=30, overdue_seconds=120)
    writer.store([operation("running")], notification_id="1", within=2)
    before = shelf.latest()
    writer.store([operation("completed")], notification_id="2", within=2, age=HOUR)
    after = shelf.latest()
    assert (after.status, after.first_seen, after.updated) == ("completed", before.first_seen, before.updated)
