"""The spool's file on a real disk: written entries stay, and removed entries leave no bytes."""

import os
import resource
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.graph.updates import OperationUpdate, RosterDelta, RosterUpdate
from receiver.spool.entry_codec import UnreadableEntryError, decode_items, encode_items
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_deletion import DeletionResult
from receiver.spool.spool_file import Entry, SpoolFile
from receiver.store.writer import Item
from tests.support.updates import CALL, call, every_kind, operation

MEGABYTE = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SpoolFile]:
    made = SpoolFile(tmp_path / "spool", 4 * MEGABYTE, clock=lambda: 1000)
    yield made
    made.close()


def everything(file: SpoolFile) -> list[Entry]:
    found: list[Entry] = []
    while more := file.read(found[-1].id if found else 0):
        found += more
    return found


def texts(file: SpoolFile) -> list[str]:
    return [entry.notification_id for entry in everything(file)]


def fill(file: SpoolFile, size: int) -> None:
    for number in range(1000):
        file.append([(f"{number}", bytes(size))])


def on_disk(file: SpoolFile) -> bytes:
    return b"".join(path.read_bytes() for path in file.folder.iterdir())


def test_item_of_every_kind_is_decoded_as_it_was() -> None:
    assert decode_items(encode_items(every_kind())) == every_kind()


def test_delta_that_0_1_0_spooled_as_a_roster_is_a_delta() -> None:
    wrapper = (
        '{"@odata.type":"#microsoft.graph.deltaParticipants","participants":[{"id":"a"}],"sequenceNumber":7}'
    )
    assert decode_items(encode_items([RosterUpdate(CALL, "t", f"[{wrapper}]")])) == [
        RosterDelta(CALL, "t", 7, '[{"id":"a"}]')
    ]
    whole = RosterUpdate(CALL, "t", '[{"id":"deltaParticipants"}]')
    assert decode_items(encode_items([whole])) == [whole]


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'[["operation", {}]]', b'[["of tomorrow", {"a": 1}]]'])
def test_foreign_text_is_an_unreadable_entry(text: bytes) -> None:
    if text == b"{}":
        assert decode_items(text) == []
        return
    with pytest.raises(UnreadableEntryError):
        decode_items(text)


def test_entries_are_read_in_order_of_arrival(file: SpoolFile) -> None:
    file.append([("a", b"1"), ("b", b"2")])
    file.append([("c", b"3")])
    first, second, third = file.read(0)
    assert [(one.notification_id, one.items) for one in (first, second, third)] == [
        ("a", b"1"),
        ("b", b"2"),
        ("c", b"3"),
    ]
    assert file.read(first.id) == [second, third]
    file.remove([first, second])
    assert file.read(0) == [third]


def test_large_entries_are_read_a_few_at_a_time(file: SpoolFile) -> None:
    file.append([(str(number), bytes(300_000)) for number in range(10)])
    assert len(file.read(0)) == 4
    assert len(everything(file)) == 10


def test_depth_has_the_number_and_the_oldest_time(file: SpoolFile) -> None:
    assert file.depth().waiting == 0
    assert file.depth().oldest is None
    file.append([("a", b"1"), ("b", b"2")])
    depth = file.depth()
    assert (depth.waiting, depth.oldest, depth.dead) == (2, 1000, 0)
    assert 0 < depth.size < MEGABYTE


def test_entries_are_readable_by_the_next_process(file: SpoolFile) -> None:
    file.append([("a", b"1")])
    assert texts(SpoolFile(file.folder, MEGABYTE)) == [
        "a"
    ]  # while the first still has it open, as after a kill


def test_append_returns_after_the_disk_has_the_entry(file: SpoolFile) -> None:
    """By the connection's own settings: in WAL mode only `synchronous=FULL` (2) waits for the disk each time."""
    file.append([("a", b"1")])
    with file._database.use() as connection:  # each connection has settings of its own
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert connection.execute("PRAGMA synchronous").fetchall() == [(2,)]


def test_spool_is_readable_by_its_owner_only(file: SpoolFile) -> None:
    before = os.umask(0)
    try:
        file.append([("a", b"1")])
        os.close(file.open_lock())
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.folder.iterdir()}
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}


def test_removed_entry_leaves_no_bytes_on_the_disk(file: SpoolFile) -> None:
    file.append([(f"delivery-{number}", b"a person's name " * 100) for number in range(500)])
    assert b"a person's name" in on_disk(file)
    size = file.depth().size
    file.remove(everything(file))
    file.truncate_log()
    assert b"a person" not in on_disk(file)
    assert b"delivery-1" not in on_disk(file)
    assert file.depth().size < size / 10, "the disk is given back"


def test_deletion_finds_items_in_every_kind_of_entry(file: SpoolFile) -> None:
    name = 'a "quoted" one'
    file.append([("alone", encode_items([operation(cc=name)])), ("garbage", b'["unreadable"')])
    file.append([("beside", encode_items([operation(cc=name), call(), operation(cc="another")]))])
    file.append([("not at all", encode_items([operation(cc="a", op=name)]))])
    file.dead_letter(file.read(2)[0], "for a reason")

    def concerns(items: Item) -> bool:
        return isinstance(items, OperationUpdate) and items.client_context == name

    assert file.delete_items(name, concerns) == DeletionResult(changed=2, unexamined=1)
    assert file.delete_items(name, concerns) == DeletionResult(changed=0, unexamined=1)
    assert texts(file) == ["garbage", "not at all"], (
        "an unreadable entry may hold results that are nowhere else"
    )
    assert file.depth().dead == 1, "its other items stay"


def test_dead_letter_is_stored_with_reason_in_a_full_spool(file: SpoolFile) -> None:
    with pytest.raises(SpoolError):
        fill(file, 100_000)
    assert file.depth().waiting > 30
    file.dead_letter(file.read(0)[0], "for a reason")
    assert file.depth().dead == 1
    with sqlite3.connect(file.folder / "spool.db") as connection:
        assert connection.execute("SELECT delivery, length(news), reason FROM dead").fetchall() == [
            ("0", 100_000, "for a reason")
        ]
    connection.close()


def test_retried_dead_letters_keep_their_order_in_a_full_spool(file: SpoolFile) -> None:
    with pytest.raises(SpoolError):
        fill(file, 100_000)
    waiting = everything(file)
    for entry in waiting[:30]:
        file.dead_letter(entry, "for a reason")
    assert file.retry_dead_letters() == 30
    assert file.retry_dead_letters() == 0
    assert file.depth().dead == 0
    assert file.depth().oldest == 1000, "they are as old as before"
    again = [(entry.notification_id, entry.items) for entry in everything(file)]
    assert again == [(entry.notification_id, entry.items) for entry in waiting[30:] + waiting[:30]]


def test_full_spool_takes_notifications_again_once_it_has_room(file: SpoolFile) -> None:
    with pytest.raises(SpoolError, match="is full: RECEIVER_SPOOL_MAX_BYTES"):
        fill(file, 100_000)
    held = file.depth()
    assert held.size <= 4 * MEGABYTE
    file.remove(file.read(0)[:1])
    file.append([("again", bytes(1000))])
    assert file.depth().waiting == held.waiting


def test_full_disk_is_reported_and_loses_nothing(file: SpoolFile) -> None:
    file.append([("before", b"1")])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))  # the kernel lets no file grow beyond
    try:
        with pytest.raises(SpoolError, match="spool"):
            fill(file, 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    held = texts(file)
    assert held[:3] == ["before", "0", "1"]
    file.append([("after", b"1")])
    assert texts(file) == [*held, "after"]


@pytest.mark.parametrize("content", [b"no database at all " * 500, b"SQLite format 3\0" + bytes(5000)])
def test_damaged_file_is_reported_and_replaced_once_removed(file: SpoolFile, content: bytes) -> None:
    file.folder.mkdir()
    path = file.folder / "spool.db"
    path.write_bytes(content)
    for use in (file.depth, file.probe, lambda: file.append([("a", b"1")])):
        with pytest.raises(SpoolError, match="Move it away"):
            use()
    assert path.read_bytes() == content
    path.unlink()
    file.append([("a", b"1")])
    assert texts(file) == ["a"]


def test_file_of_a_newer_receiver_is_not_opened(file: SpoolFile) -> None:
    file.probe()
    with sqlite3.connect(file.folder / "spool.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolError, match="a newer receiver created it"):
        SpoolFile(file.folder, MEGABYTE).probe()


@pytest.mark.parametrize("folder", ["/dev/null/spool", "/proc/spool"])
def test_folder_that_cannot_be_created_is_an_error(folder: str) -> None:
    with pytest.raises(SpoolError, match=f"The spool {folder} can't be used"):
        SpoolFile(Path(folder), MEGABYTE).append([("a", b"1")])


def test_processes_may_open_the_file_at_once(tmp_path: Path) -> None:
    def use(number: int) -> None:
        file = SpoolFile(tmp_path / "spool", MEGABYTE)
        file.append([(str(number), b"1")])
        file.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(24)))
    assert sorted(map(int, texts(SpoolFile(tmp_path / "spool", MEGABYTE)))) == list(range(24))
