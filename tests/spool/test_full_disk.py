"""A spool on a disk that other programs have filled: replaying entries needs no room.

On a small file system in memory, which only root may mount.
"""

import json
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from receiver.errors import StoreUnavailableError
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_file import SpoolFile
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.support.spooling import DISK, Process
from tests.support.stores import StoreServer
from tests.support.updates import operation
from tests.support.waiting import until

COUNT = 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def process(small_disk: Path, own_store: StoreServer) -> Iterator[Process]:
    with closing(StoreClient(connect(own_store.url, "required"))) as store_client:
        made = Process(small_disk / "spool", store_client)
        yield made
        made.drainer.close()
        made.spool.close()


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def spool_some(process: Process) -> None:
    for number in range(COUNT):
        items = operation(cc=f"cc-{number}", op=str(number), text="x" * 6000)
        process.spool.put([items], notification_id=str(number), within=5)


def brought_in(process: Process) -> int:
    return sum(process.reader.latest(f"cc-{number}") is not None for number in range(COUNT))


def test_full_disk_does_not_stop_draining(process: Process, small_disk: Path) -> None:
    spool_some(process)
    filler = fill(small_disk)
    with pytest.raises(SpoolError, match="is full"):
        process.spool.put([operation(cc="last", text="x" * 50_000)], notification_id="last", within=5)
    status = process.spool.status()
    assert status.waiting == COUNT
    assert "is full" in (status.error or "")
    process.drainer.start()
    until(lambda: brought_in(process) == COUNT)
    until(lambda: process.spool.status().waiting == 0)
    assert len(SpoolFile(process.folder, DISK).read(0)) > 0, "they are still on the disk"
    filler.unlink()
    until(lambda: not SpoolFile(process.folder, DISK).read(0))
    until(lambda: process.spool.status().error is None)  # the last one counts for some seconds
    status = process.spool.status()
    assert (status.waiting, status.dead) == (0, 0)
    _, records = process.reader.call(operation().call_id)
    assert {record.notifications for record in records} == {1}


def test_process_that_starts_on_a_full_disk_drains_it(process: Process, small_disk: Path) -> None:
    spool_some(process)
    process.file.close()
    for name in ("spool.db-shm", "lock"):
        (process.folder / name).unlink(missing_ok=True)
    fill(small_disk)
    assert process.spool.status().waiting == COUNT
    process.drainer.start()
    until(lambda: brought_in(process) == COUNT)
    until(lambda: process.spool.status().waiting == 0)


@pytest.mark.parametrize("ended", ["cleanly", "killed"])
def test_process_that_starts_on_a_read_only_disk_drains_it(
    process: Process, small_disk: Path, ended: str
) -> None:
    spool_some(process)
    if ended == "killed":  # the file has what the connection has written so far
        names = ("spool.db", "spool.db-wal", "spool.db-shm")
        left = {name: (process.folder / name).read_bytes() for name in names}
        process.file.close()
        for name, content in left.items():
            (process.folder / name).write_bytes(content)
    process.file.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    status = process.spool.status()
    assert status.waiting == COUNT
    assert status.error
    process.drainer.start()
    until(lambda: brought_in(process) == COUNT)
    until(lambda: process.spool.status().waiting == 0)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    until(lambda: not SpoolFile(process.folder, DISK).read(0))
    until(lambda: process.spool.status().error is None)


def test_unreadable_entry_on_a_full_disk_delays_no_other(process: Process, small_disk: Path) -> None:
    process.file.append([("odd", b'[["of tomorrow", {}]]')])
    spool_some(process)
    filler = fill(small_disk)
    process.drainer.start()
    until(lambda: brought_in(process) == COUNT)
    until(lambda: process.spool.status().waiting == 1)
    filler.unlink()
    until(lambda: process.spool.status().dead == 1)


def test_deletion_on_a_full_disk_is_refused(process: Process, small_disk: Path) -> None:
    spool_some(process)
    fill(small_disk)
    with pytest.raises(StoreUnavailableError):
        process.eraser.delete_operations("cc-1", within=2)


def test_moved_away_file_hides_no_entry_of_a_new_one(process: Process, small_disk: Path) -> None:
    spool_some(process)
    entries = process.file.read(0)
    filler = fill(small_disk)
    with pytest.raises(SpoolError):
        process.file.remove(entries)
    filler.unlink()
    process.file.close()
    for path in process.folder.glob("spool.db*"):
        path.unlink()
    process.file.append([("new", b"[]")])
    [entry] = process.file.read(0)
    assert (entry.id, entry.notification_id) == (1, "new")
    process.file.delete_removed()
    assert process.file.read(0) == [entry]


def test_status_of_a_damaged_spool_is_unknown(
    process_of: Callable[..., Process], own_store: StoreServer
) -> None:
    process = process_of(own_store)
    process.folder.mkdir()
    (process.folder / "spool.db").write_bytes(b"no database" * 1000)
    status = process.spool.status()
    assert (status.waiting, status.age, status.dead, status.size) == (None, None, None, None)
    assert "damaged" in (status.error or "")
    assert process.spool.depth() is None


def test_deletion_keeps_entries_that_cannot_be_read(
    process_of: Callable[..., Process], own_store: StoreServer, caplog: pytest.LogCaptureFixture
) -> None:
    process = process_of(own_store)
    tomorrow = json.dumps([["operation", {"client_context": "gone", "of": "tomorrow"}]]).encode()
    process.file.append([("1", tomorrow), ("2", tomorrow)])
    process.file.dead_letter(process.file.read(0)[0], "for a reason")
    process.spool.put([operation(cc="gone")], notification_id="3", within=2)
    with caplog.at_level(logging.WARNING):
        assert process.eraser.delete_operations("gone", within=2)
    assert [entry.items for entry in process.file.read(0)] == [tomorrow]
    assert process.spool.status().dead == 1
    assert (
        "skipped 2 stored values that cannot be read: spool (kept: a deletion could not examine them)"
        in caplog.text
    )
