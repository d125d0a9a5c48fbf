"""A spool on a disk that is full, slow or broken."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.errors import OverloadedError, StoreUnavailableError
from receiver.spool.disk_thread import T, run_inline
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_file import SpoolFile
from receiver.spool.spool_queue import Spool
from tests.support.spooling import DISK, Process, fill
from tests.support.stores import StoreServer
from tests.support.updates import bare, operation
from tests.support.waiting import until


def test_full_spool_without_a_store_is_a_logged_error(
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
    assert process.keep(big) == ["new"], "if the spool takes nothing, the store is tried"
    process.drainer.start()
    process.drained()
    process.spool.put([bare()], notification_id="x", within=1)
    assert process.spool.status().error is None


def test_unusable_spool_is_an_error_and_nothing_else(
    tmp_path: Path, process: Process, own_store: StoreServer
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    process.drainer.start()
    assert process.keep(operation(cc="a")) == ["new"]
    assert "can't be used" in (process.spool.status().error or "")
    own_store.kill()
    with pytest.raises(StoreUnavailableError, match="Neither the store nor the spool"):
        process.keep(operation(cc="b"))
    own_store.start()
    until(lambda: not process.outage.is_active)
    assert process.keep(operation(cc="c")) == ["new"]


def test_hanging_disk_delays_requests_for_a_bounded_time(tmp_path: Path) -> None:
    hanging = threading.Event()

    def slowly(work: Callable[[], T]) -> T:
        hanging.wait(10)
        return run_inline(work)

    spool = Spool(SpoolFile(tmp_path / "spool", DISK), slowly)
    spool.start()
    began = time.monotonic()
    with pytest.raises(SpoolError, match="in time"):
        spool.put([operation()], notification_id="1", within=0.2)
    assert time.monotonic() - began < 1.5
    hanging.set()
    spool.put([operation()], notification_id="2", within=5)


class SlowFile(SpoolFile):
    """Takes a while to write, and all the time until it may go on."""

    may_go_on = threading.Event()
    begun = 0

    def append(self, notifications: Sequence[tuple[str, bytes]]) -> None:
        self.begun += 1
        time.sleep(0.4)
        self.may_go_on.wait(10)
        super().append(notifications)


def test_slow_disk_refuses_more_than_a_few_at_once(tmp_path: Path) -> None:
    file = SlowFile(tmp_path / "spool", DISK)
    spool = Spool(file)
    spool.start()
    file.may_go_on.set()
    spool.put([operation()], notification_id="first", within=5)
    file.may_go_on.clear()
    with ThreadPoolExecutor(40) as pool:
        puts = [pool.submit(spool.put, [operation()], notification_id="writing", within=5)]
        until(lambda: file.begun == 2)
        puts += [pool.submit(spool.put, [operation()], notification_id=str(n), within=5) for n in range(16)]
        until(lambda: spool.is_full)
        began = time.monotonic()
        with pytest.raises(OverloadedError):
            spool.put([operation()], notification_id="too much", within=5)
        assert time.monotonic() - began < 0.3
        file.may_go_on.set()
        for put in puts:
            put.result()
    assert spool.status().waiting == 18


def test_notifications_during_a_slow_write_are_written_together(tmp_path: Path) -> None:
    works: list[object] = []

    def counted(work: Callable[[], T]) -> T:
        works.append(work)
        time.sleep(0.1)
        return run_inline(work)

    spool = Spool(SpoolFile(tmp_path / "spool", DISK), counted)
    spool.start()
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda n: spool.put([operation()], notification_id=str(n), within=5), range(40)))
    assert len(works) < 10
    assert spool.status().waiting == 40
