"""A resolver that hangs while the store's name is looked up: no request is delayed by it."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.support import stores
from tests.support.notifications import operation
from tests.support.service import Service, free_port
from tests.support.stores import StoreServer

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
    with stores.start(options=["--port", str(free_port()), "--protected-mode", "no"]) as server:
        yield server


@pytest.mark.parametrize("spool", [False, True])
def test_hanging_resolver_delays_no_request(
    tmp_path: Path, named_store: StoreServer, issuer: Issuer, *, spool: bool
) -> None:
    flag = tmp_path / "the resolver hangs"
    (tmp_path / "sitecustomize.py").write_text(HANGING.format(flag=str(flag)))
    port = named_store.client.config_get("port")["port"]
    settings = {"PYTHONPATH": str(tmp_path), "WEB_CONCURRENCY": "1"}
    if spool:
        settings["RECEIVER_SPOOL"] = str(tmp_path / "spool")
    with Service(tmp_path, f"redis://store.example:{port}", issuer, **settings) as service:
        assert service.call_back(operation(cc="before")).status == 202
        flag.touch()
        named_store.client.client_kill_filter(_type="normal", skipme=True)
        with ThreadPoolExecutor(20) as senders:
            sent = [senders.submit(service.call_back, operation(cc="meanwhile")) for _ in range(20)]
        answers = [one.result() for one in sent]
        assert {answer.status for answer in answers} == {202 if spool else 503}
        assert max(answer.seconds for answer in answers) < 3.5, "2.3 where the machine has time"
        flag.unlink()
        deadline = time.monotonic() + 10
        while service.call_back(operation(cc="after")).status != 202:
            assert time.monotonic() < deadline
        while service.get("/operations/after").status != 200:
            assert time.monotonic() < deadline
