import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.server.running import Server
from tests.support.waiting import until

Serve = Callable[..., Server]


def test_port_0_takes_a_free_port_and_reports_it(server: Server) -> None:
    assert server.port != 0
    assert server.get("/")[:2] == (200, "hello")


def test_an_ipv6_address_is_reported_in_brackets(serve: Serve) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    server = serve(HOST="::1")
    assert server.address.startswith("[::1]:")
    assert server.get("/")[:2] == (200, "hello")


def test_the_master_loads_nothing_that_the_workers_patch(server: Server) -> None:
    server.get("/")
    assert "loaded []" in server.log
    assert "Warning" not in server.log


def test_gunicorn_cmd_args_are_ignored(server: Server) -> None:
    before = server.log
    assert server.get("/")[:2] == (200, "hello")
    assert server.get("/")[:2] == (200, "hello")
    assert server.log == before


def test_gunicorn_logs_in_the_receivers_format(server: Server) -> None:
    assert 'level=info logger=gunicorn.error event="Starting gunicorn' in server.log


def test_a_server_stopped_while_it_starts_stops_quickly(serve: Serve) -> None:
    server = serve()
    server.terminate()
    assert server.ends() < 6


def test_workers_share_the_embedded_store(serve: Serve, tmp_path: Path) -> None:
    server = serve(REDIS_URL="", RECEIVER_DATA_DIR=str(tmp_path / "data"), WEB_CONCURRENCY="2")
    assert {server.get("/count")[1] for _ in range(6)} == {"1", "2", "3", "4", "5", "6"}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_no_process_is_left_when_the_master_ends(end: signal.Signals, serve: Serve, tmp_path: Path) -> None:
    server = serve(REDIS_URL="", RECEIVER_DATA_DIR=str(tmp_path / "data"))
    server.get("/count")
    family = server.descendants()
    assert {"valkey-server"} <= {process.name() for process in family}
    server.process.send_signal(end)
    server.ends()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


def test_a_store_whose_supervisor_is_killed_keeps_its_data(serve: Serve, tmp_path: Path) -> None:
    server = serve(REDIS_URL="", RECEIVER_DATA_DIR=str(tmp_path / "data"))
    assert server.get("/count")[1] == "1"
    valkey = next(process for process in server.descendants() if process.name() == "valkey-server")
    supervisor = valkey.parent()
    assert supervisor
    supervisor.kill()
    psutil.wait_procs([valkey], timeout=5)
    until(lambda: server.get("/count")[0] == 200)
    assert server.get("/count")[1] == "3"
