"""Fixtures that start receivers: those that many tests share, and those of one test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.service import Service
from tests.support.stores import StoreServer

Start = Callable[..., Service]


@pytest.fixture(scope="session")
def running_service(
    store_server: StoreServer, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service"), store_server.url, issuer) as running:
        yield running
        running.stop()


@pytest.fixture
def service(running_service: Service, store: StoreServer) -> Service:
    """Return a receiver with two workers and an empty store."""
    return running_service


@pytest.fixture(scope="session")
def other_service(
    store_server: StoreServer, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A second receiver on the same store."""
    with Service(tmp_path_factory.mktemp("other"), store_server.url, issuer, WEB_CONCURRENCY="1") as other:
        yield other


@pytest.fixture
def start(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Start]:
    """Start receivers with other settings, which end with the test."""
    started: list[Service] = []

    def run(issuer: Issuer | None = issuer, **environment: str) -> Service:
        service = Service(tmp_path, store.url, issuer, **{"WEB_CONCURRENCY": "1", **environment})
        service.start()
        started.append(service)
        return service

    yield run
    for service in started:
        service.kill()
