"""A slow store: however many steps a request has, its response comes in time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import starmap
from pathlib import Path
from urllib.parse import urlencode

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import CALL, operation
from tests.support.service import READ, WRITE, Answer, Service
from tests.support.store_proxy import Proxy, delay
from tests.support.stores import StoreServer

ONE_WAY = 0.7
"""Seconds: one round trip fits into a request's time, two don't."""

IN_TIME = 4.0
"""2.3 where the machine has time."""


@pytest.fixture
def proxy(own_store: StoreServer) -> Iterator[Proxy]:
    with Proxy(own_store.socket) as proxy:
        yield proxy


@pytest.fixture
def slow(tmp_path: Path, proxy: Proxy, issuer: Issuer) -> Iterator[Service]:
    """A receiver with an operation, and a way to its store that a test can make slow."""
    with Service(tmp_path, proxy.url, issuer) as service:
        assert service.call_back(operation()).status == 202
        yield service


def signed_in(service: Service) -> dict[str, str]:
    answer = service.request(
        "POST",
        "/sign-in",
        key=None,
        body=urlencode({"key": READ, "then": "/"}).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def test_steps_of_a_request_share_its_time(slow: Service, proxy: Proxy) -> None:
    cookie = signed_in(slow)
    asked = [
        ("GET", "/operations?limit=1", READ, {}),
        ("GET", f"/calls/{CALL}", READ, {}),
        ("PUT", "/operations/invite-2", WRITE, {}),
        ("GET", "/view/operation/1", None, cookie),
        ("GET", "/readyz", None, {}),
    ]

    def ask(method: str, path: str, key: str | None, headers: dict[str, str]) -> Answer:
        return slow.request(method, path, key=key, headers=headers)

    assert [answer.status for answer in starmap(ask, asked)] == [200, 200, 201, 200, 200]
    proxy.suffer(delay(ONE_WAY))
    with ThreadPoolExecutor(len(asked)) as askers:
        answers = list(askers.map(ask, *zip(*asked, strict=True)))
    assert {answer.status for answer in answers} == {503}
    assert [answer.seconds for answer in answers if answer.seconds > IN_TIME] == []
    assert slow.get("/operations/invite-1").status == 200, "one round trip has the time it needs"
