"""The store's name can't be looked up for a while: the system's resolver hangs, and nothing of ours ends that."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests import stores
from tests.notifications import operation
from tests.service import Answer, Service, free_port
from tests.stores import StoreServer

HANGING = """
import _socket
from pathlib import Path
from time import sleep

look_up = _socket.getaddrinfo

def hang(host, *rest, **more):
    if host == "store.example":
        host = "127.0.0.1"
        while Path({flag!r}).exists():
            sleep(0.05)
    return look_up(host, *rest, **more)

_socket.getaddrinfo = hang
"""


@pytest.fixture
def named_store() -> Iterator[StoreServer]:
    server = stores.start("valkey-9", ["--port", str(free_port()), "--protected-mode", "no"])
    assert server
    yield server
    server.remove()


@pytest.mark.parametrize("spool", [False, True])
def test_a_resolver_that_hangs_holds_nobody_up(
    tmp_path: Path, named_store: StoreServer, issuer: Issuer, *, spool: bool
) -> None:
    flag = tmp_path / "the resolver hangs"
    (tmp_path / "sitecustomize.py").write_text(HANGING.format(flag=str(flag)))
    port = named_store.client.config_get("port")["port"]
    settings = {"RECEIVER_SPOOL": str(tmp_path / "spool")} if spool else {}
    service = Service(
        tmp_path,
        f"redis://store.example:{port}",
        issuer,
        PYTHONPATH=str(tmp_path),
        WEB_CONCURRENCY="1",
        **settings,
    )
    service.start()
    try:
        assert service.call_back(operation(cc="before")).status == 202
        flag.touch()
        named_store.client.client_kill_filter(_type="normal", skipme=True)
        answers: list[Answer] = []
        senders = [
            threading.Thread(target=lambda: answers.append(service.call_back(operation(cc="meanwhile"))))
            for _ in range(20)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert {answer.status for answer in answers} == {202 if spool else 503}
        assert max(answer.seconds for answer in answers) < 3.5, "2.3 where the machine has time"
        flag.unlink()
        deadline = time.monotonic() + 10
        while service.call_back(operation(cc="after")).status != 202:
            assert time.monotonic() < deadline
        while service.get("/operations/after").status != 200:
            assert time.monotonic() < deadline
    finally:
        service.kill()
