"""Intake, spool and drainer between them, with a real store that goes away and comes back."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from receiver.errors import OverloadedError, StoreUnavailableError
from receiver.graph.updates import OperationUpdate, RosterUpdate, Unreadable
from receiver.store.connections import connect
from receiver.store.drain import Drainer
from receiver.store.intake import Intake, Outage
from receiver.store.link import Link
from receiver.store.news_text import write_news
from receiver.store.pipeline import Pipeline
from receiver.store.reader import Reader
from receiver.store.spool import Spool, T, here
from receiver.store.spool_eraser import SpoolEraser
from receiver.store.spool_file import SpoolError, SpoolFile
from receiver.store.writer import News, Writer
from tests.store.builders import CALL, bare, call, change, every_kind, operation
from tests.stores import StoreServer, busy

DISK = 8 << 20


@dataclass
class Process:
    """What one process has of it: its own way to the store, its own use of the spool."""

    folder: Path
    link: Link
    max_bytes: int = DISK

    def __post_init__(self) -> None:
        self.file = SpoolFile(self.folder, self.max_bytes)
        self.spool = Spool(self.file)
        self.outage = Outage()
        self.writer = Writer(Pipeline(self.link), retention_days=30)
        self.reader = Reader(self.link)
        self.eraser = SpoolEraser(self.link, self.spool)
        self.intake = Intake(self.writer, self.spool, self.outage)
        self.drainer = Drainer(self.spool, self.writer, self.outage, retention_days=30)

    def keep(self, *news: object, delivery: str = "d") -> list[str]:
        return self.intake.keep(news, delivery=delivery, within=3)  # type: ignore[arg-type]

    def drained(self, seconds: float = 10) -> None:
        until(lambda: not self.spool.status().waiting and not self.outage.lasts, seconds)


def fill(process: Process, news: OperationUpdate) -> None:
    for _ in range(10):
        process.keep(news)


def contents(process: Process) -> list[bytes]:
    return [path.read_bytes() for path in sorted(process.file.folder.glob("*.db*"))]


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def process_of(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Make processes that share a spool."""
    made: list[Process] = []

    def make(server: StoreServer, **options: int) -> Process:
        made.append(Process(tmp_path / "spool", Link(connect(server.url, "required")), **options))
        return made[-1]

    yield make
    for process in made:
        process.drainer.close()
        process.spool.close()
        process.link.close()


@pytest.fixture
def process(own_store: StoreServer, process_of: Callable[..., Process]) -> Process:
    return process_of(own_store)


def test_while_the_store_works_nothing_is_spooled(process: Process) -> None:
    assert process.keep(operation(cc="a"), call()) == ["new", "new"]
    assert process.spool.status().waiting == 0
    assert process.reader.latest("a")


def test_what_the_store_does_not_take_waits_and_comes_in_when_it_is_back(
    process: Process, own_store: StoreServer
) -> None:
    process.drainer.start()
    own_store.kill()
    assert process.keep(*every_kind()) == ["spooled"] * len(every_kind())
    began = time.monotonic()
    for number in range(50):
        process.keep(operation(cc=f"cc-{number}", op=str(number)), delivery=str(number))
    assert time.monotonic() - began < 1.5, "nobody waits for a store that is known to be away"
    status = process.spool.status()
    assert (status.waiting, status.dead, status.error) == (51, 0, None)
    assert status.age is not None
    own_store.start()
    process.drained()
    assert [getattr(process.reader.latest(f"cc-{number}"), "notifications", 0) for number in range(50)] == [
        1
    ] * 50
    assert process.reader.entries("quarantine", limit=9)[0]
    assert process.keep(operation(cc="after")) == ["new"], "and news goes to the store again"


def test_entries_come_in_in_the_order_in_which_they_came(process: Process, own_store: StoreServer) -> None:
    own_store.kill()
    for number in range(120):
        process.keep(operation("running", cc="one", value=number), delivery=str(number))
    own_store.start()
    process.drainer.start()
    process.drained()
    record = process.reader.latest("one")
    assert record
    assert (record.members["value"], record.revision) == ("119", 120)


def test_a_write_that_timed_out_but_happened_is_counted_once(
    process: Process, own_store: StoreServer
) -> None:
    process.keep(operation(cc="before", op="before"))  # which loads the script
    own_store.stall()  # what is sent now is executed later
    assert (
        process.keep(operation("running"), operation("completed"), call(), delivery="d-1") == ["spooled"] * 3
    )
    own_store.go_on()
    until(lambda: process.reader.latest("invite-1"))
    assert process.spool.status().waiting == 1
    process.drainer.start()
    process.drained()
    record = process.reader.latest("invite-1")
    assert record
    assert (record.notifications, record.duplicates, record.status) == (2, 0, "completed")


def test_what_an_earlier_process_has_left_comes_in(
    process: Process, own_store: StoreServer, process_of: Callable[..., Process]
) -> None:
    own_store.kill()
    process.keep(operation(cc="left"))
    own_store.start()
    following = process_of(own_store)
    following.drainer.start()
    following.drained()
    assert following.reader.latest("left")


def test_two_processes_drain_one_spool_and_nothing_comes_in_twice(
    process: Process, own_store: StoreServer, process_of: Callable[..., Process]
) -> None:
    other = process_of(own_store)
    own_store.kill()
    for number in range(120):
        one = process if number % 2 else other
        one.keep(operation(cc="many", op=str(number)), delivery=str(number))
    own_store.start()
    process.drainer.start()
    other.drainer.start()
    process.drained()
    other.drained()
    records = process.reader.call(operation().call_id)[1]
    assert len(records) == 120
    assert {record.notifications for record in records} == {1}


class Recorder(Writer):
    """Remembers what it brings in, and takes its time for it."""

    def __init__(self, link: Link) -> None:
        super().__init__(Pipeline(link), retention_days=30)
        self.brought: list[str] = []

    def keep_all(self, deliveries: Sequence[tuple[Sequence[News], str]], *, within: float) -> None:
        self.brought += [delivery for _, delivery in deliveries]
        time.sleep(0.2)
        super().keep_all(deliveries, within=within)


def test_of_two_processes_only_one_at_a_time_takes_entries_out(
    process: Process, own_store: StoreServer, process_of: Callable[..., Process]
) -> None:
    process.file.append([(str(number), write_news([bare(str(number))])) for number in range(500)])
    recorders: list[Recorder] = []
    for one in (process, process_of(own_store)):
        recorders.append(Recorder(one.link))
        one.drainer = Drainer(one.spool, recorders[-1], one.outage, retention_days=30)
    process.drainer.start()
    one.drainer.start()
    process.drained()
    brought = [int(delivery) for recorder in recorders for delivery in recorder.brought]
    assert sorted(brought) == list(range(500)), "each by one of them"


def test_an_entry_that_the_store_does_not_take_holds_nobody_up(
    process: Process, own_store: StoreServer
) -> None:
    own_store.kill()
    process.keep(operation(cc="poison", call="broken"), delivery="1")
    process.keep(operation(cc="good"), delivery="2")
    own_store.start()
    own_store.client.set("receiver:{0}:ops:broken", "no hash")
    process.drainer.start()
    until(lambda: process.reader.latest("good"))
    until(lambda: process.spool.status().dead == 1)
    assert not process.outage.lasts
    assert process.spool.status().waiting == 0


def test_what_was_put_aside_comes_in_when_it_is_tried_again(process: Process, own_store: StoreServer) -> None:
    own_store.client.set("receiver:{0}:ops:broken", "no hash")
    for number in range(3):
        process.spool.put(
            [operation(cc="poison", call="broken", op=str(number))], delivery=str(number), within=2
        )
    process.drainer.start()
    until(lambda: process.spool.status().dead == 3)
    assert process.file.retry_dead() == 3
    until(lambda: process.spool.status().dead == 3)  # since the store does not take them yet
    own_store.client.delete("receiver:{0}:ops:broken")
    assert process.file.retry_dead() == 3
    process.drained()
    assert process.spool.status().dead == 0
    _, records = process.reader.call("broken")
    assert [record.notifications for record in records] == [1] * 3


def test_an_entry_that_cannot_be_read_holds_nobody_up(process: Process) -> None:
    process.file.append([("1", b"garbage")])
    process.file.append([("2", b'[["operation", {"of": "tomorrow"}]]')])
    process.spool.put([operation(cc="good")], delivery="3", within=1)
    process.drainer.start()
    process.drained()
    assert process.reader.latest("good")
    assert process.spool.status().dead == 2


def test_what_was_put_aside_is_kept_as_long_as_anything_else(process: Process) -> None:
    long_ago = SpoolFile(process.folder, DISK, clock=lambda: time.time() - 31 * 86400)
    long_ago.append([("1", b"garbage")])
    long_ago.bury(long_ago.next(0)[0], "for a reason")
    long_ago.close()
    process.file.append([("2", b"garbage")])
    process.file.bury(process.file.next(0)[0], "for a reason")
    assert process.spool.status().dead == 2
    process.drainer.start()
    until(lambda: process.spool.status().dead == 1)


def test_a_full_store_is_no_reason_to_put_anything_aside(process: Process, own_store: StoreServer) -> None:
    process.drainer.start()
    own_store.client.config_set("maxmemory", 1)
    assert process.keep(operation(cc="a"), delivery="1") == ["spooled"]
    time.sleep(2)  # for more tries than an entry has
    assert process.spool.status().waiting == 1
    own_store.client.config_set("maxmemory", 0)
    process.drained()
    assert process.reader.latest("a")
    assert process.spool.status().dead == 0


def test_a_store_that_is_busy_with_somebodys_script_is_no_reason_to_put_anything_aside(
    process: Process, own_store: StoreServer
) -> None:
    process.keep(operation(cc="before", op="before"))  # which loads the script
    process.drainer.start()
    with busy(own_store):
        for number in range(3):
            assert process.keep(operation(cc=f"cc-{number}", op=str(number)), delivery=str(number)) == [
                "spooled"
            ]
        time.sleep(4)  # for more tries than an entry has
        status = process.spool.status()
        assert (status.waiting, status.dead) == (3, 0)
    process.drained()
    assert process.spool.status().dead == 0
    assert all(process.reader.latest(f"cc-{number}") for number in range(3))


def test_a_store_that_refuses_everything_is_no_reason_to_put_anything_aside(
    process: Process, own_store: StoreServer
) -> None:
    """Whatever it says: here what would be an item's own fault, if only the store took anything else."""
    own_store.client.set("receiver:{0}:ops:broken", "no hash")
    process.spool.put([operation(cc="poison", call="broken")], delivery="1", within=2)
    own_store.client.acl_setuser("default", enabled=True, commands=["-set"])
    process.drainer.start()
    until(lambda: process.outage.lasts)
    time.sleep(4)  # for more tries than an entry has
    status = process.spool.status()
    assert (status.waiting, status.dead) == (1, 0)
    own_store.client.acl_setuser("default", enabled=True, commands=["+set"])
    until(lambda: process.spool.status().dead == 1)


def test_a_store_that_goes_away_in_the_midst_of_it_gets_the_rest_later(
    process: Process, own_store: StoreServer
) -> None:
    own_store.kill()
    for number in range(600):
        process.spool.put([operation(cc="many", op=str(number))], delivery=str(number), within=2)
    own_store.start()
    process.drainer.start()
    until(lambda: process.reader.latest("many"))
    own_store.kill()
    until(lambda: process.outage.lasts)
    assert 0 < process.spool.status().waiting <= 600
    own_store.start()
    process.drained(20)
    records = process.reader.call(operation().call_id)[1]
    assert len(records) == 600
    assert {record.notifications for record in records} == {1}


def test_what_is_forgotten_does_not_come_back_from_the_spool(
    process: Process, own_store: StoreServer
) -> None:
    process.keep(operation(cc="gone", op="1"))
    own_store.kill()
    broken = Unreadable("odd", '{"resourceData":[{"clientContext":"gone"}]}', "callback")
    process.keep(operation(cc="gone", op="2"), operation(cc="stays", op="3"), broken, delivery="2")
    with pytest.raises(StoreUnavailableError):
        process.eraser.forget_operations("gone", within=2)
    own_store.start()
    assert process.eraser.forget_operations("gone", within=2)
    process.drainer.start()
    process.drained()
    assert process.reader.latest("gone") is None
    assert process.reader.latest("stays")
    assert process.reader.entries("quarantine", limit=9)[0] == ()
    assert b"gone" not in b"".join(path.read_bytes() for path in process.file.folder.iterdir())


def test_of_a_forgotten_call_nothing_comes_back_from_the_spool(process: Process) -> None:
    item = f'{{"resourceUrl":"/communications/calls/{CALL.upper()}"}}'
    news = [
        operation(cc="of the call"),
        call(),
        RosterUpdate(CALL, "", "[]"),
        Unreadable("", item, "callback"),
        replace(change(), text=item),
    ]
    others = [operation(cc="of another", call="another", op="1"), change(), Unreadable("", "{}", "callback")]
    process.spool.put([*news, *others], delivery="1", within=2)
    for number, alone in enumerate(news, 2):
        process.spool.put([alone], delivery=str(number), within=2)
    assert process.eraser.forget_call(CALL, within=2)
    assert process.spool.status().waiting == 1
    assert not process.eraser.forget_call(CALL, within=2)
    process.drainer.start()
    process.drained()
    assert process.reader.call(CALL) == (None, ())
    assert process.reader.latest("of another")
    assert len(process.reader.entries("quarantine", limit=9)[0]) == 1
    assert len(process.reader.entries("changes", limit=9)[0]) == 1


def test_nothing_is_forgotten_while_another_process_has_it_in_hand(
    process: Process, process_of: Callable[..., Process], own_store: StoreServer
) -> None:
    with process_of(own_store).spool.hold(1) as held:
        assert held
        with pytest.raises(StoreUnavailableError, match="being drained"):
            process.eraser.forget_operations("a", within=0.2)


def test_a_full_spool_and_no_store_is_an_error_and_says_which(
    own_store: StoreServer, process_of: Callable[..., Process]
) -> None:
    process = process_of(own_store, max_bytes=1 << 20)
    own_store.kill()
    big = operation(cc="big", text="x" * 300_000)
    for _ in range(2):
        assert process.keep(big) == ["spooled"]
    with pytest.raises(StoreUnavailableError):
        fill(process, big)
    assert "is full" in (process.spool.status().error or "")
    own_store.start()
    assert process.keep(big) == ["new"], "where the spool takes nothing, the store is tried"
    process.drainer.start()
    process.drained()
    process.spool.put([bare()], delivery="x", within=1)
    assert process.spool.status().error is None


def test_a_spool_that_cannot_be_used_is_an_error_and_no_more(
    tmp_path: Path, process: Process, own_store: StoreServer
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    process.drainer.start()
    assert process.keep(operation(cc="a")) == ["new"]
    assert "can't be used" in (process.spool.status().error or "")
    own_store.kill()
    with pytest.raises(StoreUnavailableError, match="can't be used"):
        process.keep(operation(cc="b"))
    own_store.start()
    until(lambda: not process.outage.lasts)
    assert process.keep(operation(cc="c")) == ["new"]


def test_a_disk_that_hangs_holds_nobody_up_for_long(tmp_path: Path) -> None:
    hanging = threading.Event()

    def slowly(work: Callable[[], T]) -> T:
        hanging.wait(10)
        return here(work)

    spool = Spool(SpoolFile(tmp_path / "spool", DISK), slowly)
    began = time.monotonic()
    with pytest.raises(SpoolError, match="in time"):
        spool.put([operation()], delivery="1", within=0.2)
    assert time.monotonic() - began < 1.5
    hanging.set()
    spool.put([operation()], delivery="2", within=5)


class SlowFile(SpoolFile):
    """Takes a while to write, and all the time until it may go on."""

    may_go_on = threading.Event()
    begun = 0

    def append(self, deliveries: Sequence[tuple[str, bytes]]) -> None:
        self.begun += 1
        time.sleep(0.4)
        self.may_go_on.wait(10)
        super().append(deliveries)


def test_on_their_way_to_a_slow_disk_are_only_a_few_and_more_are_refused_at_once(tmp_path: Path) -> None:
    file = SlowFile(tmp_path / "spool", DISK)
    spool = Spool(file)
    file.may_go_on.set()
    spool.put([operation()], delivery="first", within=5)
    file.may_go_on.clear()
    with ThreadPoolExecutor(40) as pool:
        puts = [pool.submit(spool.put, [operation()], delivery="writing", within=5)]
        until(lambda: file.begun == 2)
        puts += [pool.submit(spool.put, [operation()], delivery=str(n), within=5) for n in range(16)]
        until(lambda: spool.is_full)
        began = time.monotonic()
        with pytest.raises(OverloadedError):
            spool.put([operation()], delivery="too much", within=5)
        assert time.monotonic() - began < 0.3
        file.may_go_on.set()
        for put in puts:
            put.result()
    assert spool.status().waiting == 18


def test_all_that_come_while_the_disk_is_busy_are_written_as_one(tmp_path: Path) -> None:
    works: list[object] = []

    def counted(work: Callable[[], T]) -> T:
        works.append(work)
        time.sleep(0.1)
        return here(work)

    spool = Spool(SpoolFile(tmp_path / "spool", DISK), counted)
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda n: spool.put([operation()], delivery=str(n), within=5), range(40)))
    assert len(works) < 10
    assert spool.status().waiting == 40


def test_an_empty_spool_costs_no_writing(process: Process) -> None:
    process.drainer.start()
    until((process.file.folder / "lock").exists)
    before = contents(process)
    time.sleep(1.2)  # for another look
    assert contents(process) == before
