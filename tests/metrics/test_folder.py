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
from tests.support.notifications import operation
from tests.support.scraping import scrape, scrape_until
from tests.support.service import Service, free_port
from tests.support.stores import StoreServer

LONG_AGO = (1, 1)
STATUSES = ("running", "completed", "completed", "failed")
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
CAN_MOUNT = bool(shutil.which("unshare")) and not subprocess.run([*UNSHARE, "true"], check=False).returncode


def test_folder_is_empty_and_removed_by_its_owner(tmp_path: Path) -> None:
    folder = MetricsFolder(str(tmp_path))
    assert list(folder.path.iterdir()) == []
    assert folder.path.stat().st_mode & 0o077 == 0, "no other user may read or write"
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_forget_removes_gauges_and_keeps_counters(tmp_path: Path) -> None:
    folder = MetricsFolder(str(tmp_path))
    for name in ("counter_7.db", "gauge_livesum_7.db", "gauge_livemax_7.db", "gauge_livesum_77.db"):
        (folder.path / name).touch()
    folder.forget(7)
    assert {path.name for path in folder.path.iterdir()} == {"counter_7.db", "gauge_livesum_77.db"}
    folder.remove()


def test_leftover_folder_is_removed_and_one_in_use_stays(tmp_path: Path) -> None:
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
    assert left.exists(), "its owner may not have locked it yet"
    for path in (left, in_use.path):
        os.utime(path, LONG_AGO)
    new = MetricsFolder(str(tmp_path))
    assert {*tmp_path.iterdir()} == {in_use.path, new.path}
    in_use.remove()
    new.remove()


def test_reserved_files_have_their_disk_blocks(tmp_path: Path) -> None:
    reserve(tmp_path, 7)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}_7.db" for name in FILES}
    for path in tmp_path.iterdir():
        status = path.stat()
        assert status.st_blocks * 512 >= status.st_size > 100_000, "a sparse file kills its writer by SIGBUS"


def test_worker_files_do_not_outgrow_their_reservation(service: Service) -> None:
    service.call_back(operation(), "not an object")
    scrape_until(service, lambda found: found.value("receiver_workers") == 2)
    assert service.process
    for worker in psutil.Process(service.process.pid).children():
        files = [Path(file.path) for file in worker.open_files() if file.path.endswith(f"_{worker.pid}.db")]
        assert {file.stem.removesuffix(f"_{worker.pid}") for file in files} == {*FILES}
        assert {file.stat().st_size for file in files} == {128 * 1024}, "none has grown"


@pytest.fixture
def without_space(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    running = Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1", TMPDIR=str(tmp_path))
    yield running
    running.kill()


def test_worker_without_disk_space_exports_its_own_metrics(without_space: Service) -> None:
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (60_000, 60_000))"
    begin = f"{limit}; from receiver.cli.main import main; main()"
    without_space.start((sys.executable, "-c", begin, "serve"))
    assert without_space.call_back(operation()).status == 202
    assert scrape(without_space).value("receiver_notifications_total") == 1
    assert without_space.log.count("no room for metrics") == 1


@pytest.mark.skipif(not CAN_MOUNT, reason="needs a user namespace to mount in")
def test_workers_serve_with_a_tiny_dev_shm_and_read_only_disks(without_space: Service) -> None:
    """100 kB of shared memory, less than one worker's files."""
    bound = [f"mount --bind {folder} {folder}" for folder in ("/tmp", "/var/tmp")]
    read_only = " && ".join(
        [*bound, *(f"mount -o remount,bind,ro {one}" for one in ("/tmp", "/var/tmp", "/"))]
    )
    begin = f"cd / && mount -t tmpfs -o size=100k none /dev/shm && exec {sys.executable} -m receiver serve"
    without_space.environment["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}"
    without_space.start((*UNSHARE, "sh", "-c", f"{read_only} && {begin}"))
    assert scrape(without_space).value("receiver_workers") == 1
    assert without_space.log.count("no room for metrics") == 1


@pytest.mark.skipif(not CAN_MOUNT, reason="needs a user namespace to mount in")
@pytest.mark.parametrize("megabytes", [1, 20])
def test_full_dev_shm_does_not_kill_a_worker(without_space: Service, megabytes: int) -> None:
    """With 1 MB the files are elsewhere; with 20 MB their blocks were reserved at the start."""
    begin = f"mount -t tmpfs -o size={megabytes}m none /dev/shm && exec {sys.executable} -m receiver serve"
    without_space.start((*UNSHARE, "sh", "-c", begin))
    elsewhere = list(Path(without_space.environment["TMPDIR"]).glob("receiver-metrics-*"))
    assert bool(elsewhere) == (megabytes == 1)
    assert without_space.process
    fill(Path(f"/proc/{without_space.process.pid}/root/dev/shm"))
    for number, kind in enumerate(OPERATION_SCHEMAS):
        items = [operation(cc=f"cc-{number}", op=f"op-{number}", type=kind, status=one) for one in STATUSES]
        assert without_space.call_back(*items).status == 202
    assert scrape(without_space).value("receiver_notifications_total") == len(OPERATION_SCHEMAS) * len(
        STATUSES
    )
    assert "SIGBUS" not in without_space.log


def fill(folder: Path) -> None:
    with (folder / "full").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
