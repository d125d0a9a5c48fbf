import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from receiver.server.serve import GRACEFUL_SECONDS
from tests.server.running import Server, read_all
from tests.support.waiting import until

Serve = Callable[..., Server]


def test_a_request_in_flight_is_finished(serve: Serve) -> None:
    server = serve()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(server.get, "/slow/1.5")
        until(lambda: "slow begins" in server.log)
        server.terminate()
        assert answer.result()[:2] == (200, "slow")
    server.ends()
    assert server.process.returncode == 0


def test_idle_connections_do_not_delay_a_stop(serve: Serve) -> None:
    server = serve(WEB_CONCURRENCY="2", ACCEPT_SECONDS="2")
    clients = [server.client() for _ in range(8)]
    assert {server.get("/", client)[2] for client in clients} == {"keep-alive"}
    server.terminate()
    assert server.ends() < GRACEFUL_SECONDS
    assert server.process.returncode == 0
    assert [read_all(client.sock) for client in clients] == [b""] * 8
    assert "Traceback" not in server.log


def test_an_idle_connection_is_served_after_sigterm(serve: Serve) -> None:
    server = serve(ACCEPT_SECONDS="2")
    client = server.client()
    server.get("/", client)
    server.terminate()
    until(lambda: "Handling signal: term" in server.log)
    threading.Event().wait(0.7)  # well within the time in which requests are accepted
    assert server.get("/", client) == (200, "hello", "close")
    assert server.ends() < 5


def test_a_new_connection_is_served_after_sigterm(serve: Serve) -> None:
    server = serve(ACCEPT_SECONDS="2")
    server.get("/")
    server.terminate()
    until(lambda: "Handling signal: term" in server.log)
    threading.Event().wait(0.5)
    assert server.get("/") == (200, "hello", "close")
    assert server.ends() < 5


def test_a_waiting_request_ends_at_a_stop(serve: Serve) -> None:
    server = serve()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(server.get, "/wait")
        until(lambda: "wait begins" in server.log)
        server.terminate()
        assert answer.result()[:2] == (200, "stopping")
    assert server.ends() < 5


def test_a_request_that_does_not_end_is_cut_off(serve: Serve) -> None:
    server = serve(GRACE="3")
    client = server.socket(b"GET /slow/50.0 HTTP/1.1\r\nHost: h\r\n\r\n")
    until(lambda: "slow begins" in server.log)
    server.terminate()
    assert server.ends() < 8
    assert server.process.returncode == 0
    assert read_all(client) == b""
    assert "Traceback" not in server.log


@pytest.mark.parametrize("quick", [signal.SIGINT, signal.SIGQUIT])
def test_ctrl_c_stops_at_once(quick: signal.Signals, serve: Serve) -> None:
    server = serve()
    server.get("/")
    server.process.send_signal(quick)
    assert server.ends() < 2
    assert server.process.returncode == 0
