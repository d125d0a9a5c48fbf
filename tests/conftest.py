"""What the tests of several rooms share: a real store, a real issuer of tokens, a real receiver."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from receiver.simulator.issuer import Issuer
from tests.support import stores

pytest_plugins = ["tests.support.service_fixtures", "tests.support.store_fixtures"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts a background job, and so every program that is started here would ignore SIGINT, too. With a
    # handler it is reset to the default at `exec`; pytest itself goes on without minding.
    signal.signal(signal.SIGINT, lambda number, frame: None)

settings.register_profile("night", deadline=None)  # tests/fuzz/night.py says what for


@pytest.fixture(scope="session")
def store_server() -> Iterator[stores.StoreServer]:
    with stores.start() as server:
        yield server


@pytest.fixture
def store(store_server: stores.StoreServer) -> stores.StoreServer:
    """An empty store."""
    store_server.client.flushall()
    return store_server


@pytest.fixture
def own_store() -> Iterator[stores.StoreServer]:
    """An empty store that nobody else uses, and that forgets nothing when it is killed."""
    with stores.start(options=stores.DURABLE) as server:
        yield server


@pytest.fixture(scope="session", params=sorted(stores.KINDS))
def every_store_server(request: pytest.FixtureRequest) -> Iterator[stores.StoreServer]:
    try:
        server = stores.start(request.param)
    except stores.NoSuchServerError as error:
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture
def every_store(every_store_server: stores.StoreServer) -> stores.StoreServer:
    """An empty store, of each kind in turn."""
    every_store_server.client.flushall()
    return every_store_server


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer(key_file=None) as running:
        yield running
