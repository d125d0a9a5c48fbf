import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from receiver.graph.schemas import OPERATION_SCHEMAS
from receiver.metrics.metrics_folder import FILES, MetricsFolder, reserve
from receiver.simulator.issuer import Issuer
from tests.metrics.told import told, told_until
from tests.support.notifications import operation
from tests.support.service import Service, free_port
from tests.support.stores import StoreServer

LONG_AGO = (1, 1)
STATUSES = ("running", "completed", "completed", "failed")
IN_A_WORLD_OF_ITS_OWN = ("unshare", "--user", "--map-root-user", "--mount")
CAN_MOUNT = (
    bool(shutil.which("unshare"))
    and not subprocess.run([*IN_A_WORLD_OF_ITS_OWN, "true"], check=False).returncode
)


def test_a_new_one_is_empty_and_goes_with_its_owner(tmp_path: Path) -> None:
    folder = MetricsFolder(str(tmp_path))
    assert list(folder.path.iterdir()) == []
    assert folder.path.stat().st_mode & 0o077 == 0, "nobody else reads or writes there"
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_of_a_dead_worker_only_its_present_is_forgotten(tmp_path: Path) -> None:
    folder = MetricsFolder(str(tmp_path))
    for name in ("counter_7.db", "gauge_livesum_7.db", "gauge_livemax_7.db", "gauge_livesum_77.db"):
        (folder.path / name).touch()
    folder.forget(7)
    assert {path.name for path in folder.path.iterdir()} == {"counter_7.db", "gauge_livesum_77.db"}
    folder.remove()


def test_what_the_killed_leave_is_removed_and_what_is_in_use_stays(tmp_path: Path) -> None:
    code = "\n".join(
        (
            "import sys, os",
            "from receiver.metrics.metrics_folder import MetricsFolder",
            "folder = MetricsFolder(sys.argv[1])",
            "os.kill(os.getpid(), 9)",
        )
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    [left] = tmp_path.iterdir()
    in_use = MetricsFolder(str(tmp_path))
    assert left.exists(), "it may be somebody's who just begins"
    for path in (left, in_use.path):
        os.utime(path, LONG_AGO)
    new = MetricsFolder(str(tmp_path))
    assert {*tmp_path.iterdir()} == {in_use.path, new.path}
    in_use.remove()
    new.remove()


def test_a_workers_files_have_their_room_before_anything_is_counted(tmp_path: Path) -> None:
    reserve(tmp_path, 7)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}_7.db" for name in FILES}
    for path in tmp_path.iterdir():
        there = path.stat()
        assert there.st_blocks * 512 >= there.st_size > 100_000, (
            "no holes: what has no room kills who writes there"
        )


def test_nothing_that_is_counted_needs_more_room(service: Service) -> None:
    service.call_back(operation(), "what nobody can read")
    told_until(service, lambda told: told.value("receiver_workers") == 2)
    assert service.process
    for worker in psutil.Process(service.process.pid).children():
        files = [Path(file.path) for file in worker.open_files() if file.path.endswith(f"_{worker.pid}.db")]
        assert {file.stem.removesuffix(f"_{worker.pid}") for file in files} == {*FILES}
        assert {file.stat().st_size for file in files} == {128 * 1024}, "none has grown"


@pytest.fixture
def short_of_room(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    running = Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1", TMPDIR=str(tmp_path))
    yield running
    running.kill()


def test_a_worker_that_finds_no_room_counts_for_itself(short_of_room: Service) -> None:
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (60_000, 60_000))"
    begin = f"{limit}; from receiver.cli.main import main; main()"
    short_of_room.start((sys.executable, "-c", begin, "serve"))
    assert short_of_room.call_back(operation()).status == 202
    assert told(short_of_room).value("receiver_notifications_total") == 1
    assert short_of_room.log.count("no room for metrics") == 1


@pytest.mark.skipif(not CAN_MOUNT, reason="nothing can be mounted here")
def test_little_memory_will_do_where_nothing_else_can_be_written(short_of_room: Service) -> None:
    """With so little that the workers find none."""
    bound = [f"mount --bind {folder} {folder}" for folder in ("/tmp", "/var/tmp")]
    read_only = " && ".join(
        [*bound, *(f"mount -o remount,bind,ro {one}" for one in ("/tmp", "/var/tmp", "/"))]
    )
    begin = f"cd / && mount -t tmpfs -o size=100k none /dev/shm && exec {sys.executable} -m receiver serve"
    short_of_room.environment["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}"
    short_of_room.start((*IN_A_WORLD_OF_ITS_OWN, "sh", "-c", f"{read_only} && {begin}"))
    assert told(short_of_room).value("receiver_workers") == 1
    assert short_of_room.log.count("no room for metrics") == 1


@pytest.mark.skipif(not CAN_MOUNT, reason="nothing can be mounted here")
@pytest.mark.parametrize("megabytes", [1, 20])
def test_memory_that_fills_up_kills_nobody(short_of_room: Service, megabytes: int) -> None:
    """Where there is little of it the files are elsewhere; else they have been given their room before."""
    begin = f"mount -t tmpfs -o size={megabytes}m none /dev/shm && exec {sys.executable} -m receiver serve"
    short_of_room.start((*IN_A_WORLD_OF_ITS_OWN, "sh", "-c", begin))
    elsewhere = list(Path(short_of_room.environment["TMPDIR"]).glob("receiver-metrics-*"))
    assert bool(elsewhere) == (megabytes == 1)
    assert short_of_room.process
    fill(Path(f"/proc/{short_of_room.process.pid}/root/dev/shm"))
    for number, kind in enumerate(OPERATION_SCHEMAS):
        items = [operation(cc=f"cc-{number}", op=f"op-{number}", type=kind, status=one) for one in STATUSES]
        assert short_of_room.call_back(*items).status == 202
    assert told(short_of_room).value("receiver_notifications_total") == len(OPERATION_SCHEMAS) * len(STATUSES)
    assert "SIGBUS" not in short_of_room.log


def fill(folder: Path) -> None:
    with (folder / "full").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
