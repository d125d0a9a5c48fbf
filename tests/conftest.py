"""What the tests of several rooms share: a real store, a real issuer of tokens."""

from collections.abc import Iterator

import pytest

from receiver.simulator.issuer import Issuer
from tests import stores


@pytest.fixture(scope="session")
def store_server() -> Iterator[stores.StoreServer]:
    server = stores.start("valkey-9")
    assert server
    yield server
    server.remove()


@pytest.fixture
def store(store_server: stores.StoreServer) -> stores.StoreServer:
    """An empty store."""
    store_server.client.flushall()
    return store_server


@pytest.fixture(scope="session", params=sorted(stores.KINDS))
def every_store_server(request: pytest.FixtureRequest) -> Iterator[stores.StoreServer]:
    server = stores.start(request.param)
    if server is None:
        pytest.skip(f"no {request.param} on this machine")
    yield server
    server.remove()


@pytest.fixture
def every_store(every_store_server: stores.StoreServer) -> stores.StoreServer:
    """An empty store, of each kind in turn."""
    every_store_server.client.flushall()
    return every_store_server


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer(key_file=None) as running:
        yield running
