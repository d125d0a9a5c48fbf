"""Intake, spool and drainer together, with a real store that becomes unavailable and available again."""

import time
from collections.abc import Callable, Sequence

from receiver.spool.drainer import Drainer
from receiver.spool.entry_codec import encode_items
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Item, Writer
from tests.support.spooling import Process
from tests.support.stores import StoreServer
from tests.support.updates import bare, call, every_kind, operation
from tests.support.waiting import until


def test_working_store_leaves_the_spool_empty(process: Process) -> None:
    assert process.keep(operation(cc="a"), call()) == ["new", "new"]
    assert process.spool.status().waiting == 0
    assert process.reader.latest("a")


def test_spooled_notifications_are_replayed_after_an_outage(process: Process, own_store: StoreServer) -> None:
    process.drainer.start()
    own_store.kill()
    assert process.keep(*every_kind()) == ["spooled"] * len(every_kind())
    began = time.monotonic()
    for number in range(50):
        process.keep(operation(cc=f"cc-{number}", op=str(number)), notification_id=str(number))
    assert time.monotonic() - began < 1.5, "no request waits for a store that is known to be unavailable"
    status = process.spool.status()
    assert (status.waiting, status.dead, status.error) == (51, 0, None)
    assert status.age is not None
    own_store.start()
    process.drained()
    assert [getattr(process.reader.latest(f"cc-{number}"), "notifications", 0) for number in range(50)] == [
        1
    ] * 50
    assert process.reader.entries("quarantine", limit=9)[0]
    assert process.keep(operation(cc="after")) == ["new"], "new notifications go to the store again"


def test_entries_are_replayed_in_order_of_arrival(process: Process, own_store: StoreServer) -> None:
    own_store.kill()
    for number in range(120):
        process.keep(operation("running", cc="one", value=number), notification_id=str(number))
    own_store.start()
    process.drainer.start()
    process.drained()
    record = process.reader.latest("one")
    assert record
    assert (record.members["value"], record.revision) == ("119", 120)


def test_write_that_timed_out_but_happened_is_counted_once(process: Process, own_store: StoreServer) -> None:
    process.keep(operation(cc="before", op="before"))  # which loads the script
    own_store.stall()  # what is sent now is executed later
    assert (
        process.keep(operation("running"), operation("completed"), call(), notification_id="d-1")
        == ["spooled"] * 3
    )
    own_store.go_on()
    until(lambda: process.reader.latest("invite-1"))
    assert process.spool.status().waiting == 1
    process.drainer.start()
    process.drained()
    record = process.reader.latest("invite-1")
    assert record
    assert (record.notifications, record.duplicates, record.status) == (2, 0, "completed")


def test_entries_of_an_earlier_process_are_replayed(
    process: Process, own_store: StoreServer, process_of: Callable[..., Process]
) -> None:
    own_store.kill()
    process.keep(operation(cc="left"))
    own_store.start()
    following = process_of(own_store)
    following.drainer.start()
    following.drained()
    assert following.reader.latest("left")


def test_two_processes_replay_one_spool_without_duplicates(
    process: Process, own_store: StoreServer, process_of: Callable[..., Process]
) -> None:
    other = process_of(own_store)
    own_store.kill()
    for number in range(120):
        one = process if number % 2 else other
        one.keep(operation(cc="many", op=str(number)), notification_id=str(number))
    own_store.start()
    process.drainer.start()
    other.drainer.start()
    process.drained()
    other.drained()
    records = process.reader.call(operation().call_id)[1]
    assert len(records) == 120
    assert {record.notifications for record in records} == {1}


class Recorder(Writer):
    """Records what it replays, and takes its time."""

    def __init__(self, store_client: StoreClient) -> None:
        super().__init__(BatchingClient(store_client), retention_days=30, overdue_seconds=120)
        self.brought: list[str] = []

    def store_all(self, notifications: Sequence[tuple[Sequence[Item], str, float]], *, within: float) -> None:
        self.brought += [notification_id for _, notification_id, _ in notifications]
        time.sleep(0.2)
        super().store_all(notifications, within=within)


def test_lock_is_held_by_one_process_at_a_time(
    process: Process, own_store: StoreServer, process_of: Callable[..., Process]
) -> None:
    process.file.append([(str(number), encode_items([bare(str(number))])) for number in range(500)])
    recorders: list[Recorder] = []
    for one in (process, process_of(own_store)):
        recorders.append(Recorder(one.store_client))
        one.drainer = Drainer(one.spool, recorders[-1], one.outage, retention_days=30)
    process.drainer.start()
    one.drainer.start()
    process.drained()
    brought = [int(delivery) for recorder in recorders for delivery in recorder.brought]
    assert sorted(brought) == list(range(500)), "each by one of them"


def test_store_that_fails_during_replay_gets_the_rest_later(process: Process, own_store: StoreServer) -> None:
    own_store.kill()
    for number in range(600):
        process.spool.put([operation(cc="many", op=str(number))], notification_id=str(number), within=2)
    own_store.start()
    process.drainer.start()
    until(lambda: process.reader.latest("many"))
    own_store.kill()
    until(lambda: process.outage.is_active)
    assert 0 < (process.spool.status().waiting or 0) <= 600
    own_store.start()
    process.drained(20)
    records = process.reader.call(operation().call_id)[1]
    assert len(records) == 600
    assert {record.notifications for record in records} == {1}


def test_empty_spool_causes_no_writes(process: Process) -> None:
    def written() -> list[bytes]:  # without the index beside the log, which is memory and notes readers, too
        return [(process.file.folder / name).read_bytes() for name in ("spool.db", "spool.db-wal")]

    assert process.spool.read(0) == [], "the file is made"
    before = written()
    process.drainer.start()
    until((process.file.folder / "lock").exists)
    time.sleep(1.2)  # for another look
    assert written() == before
