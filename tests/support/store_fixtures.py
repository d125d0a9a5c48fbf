"""Fixtures of the rooms that keep records: a writer and a reader on a store, and processes that share a spool."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.support.shelf import Shelf
from tests.support.spooling import Process
from tests.support.stores import StoreServer


@pytest.fixture
def shelf_of() -> Iterator[Callable[[StoreServer], Shelf]]:
    store_clients: list[StoreClient] = []

    def make(server: StoreServer) -> Shelf:
        store_clients.append(StoreClient(connect(server.url, "required")))
        return Shelf(store_clients[-1])

    yield make
    for store_client in store_clients:
        store_client.close()


@pytest.fixture
def shelf(store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]) -> Shelf:
    return shelf_of(store)


@pytest.fixture
def every_shelf(every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]) -> Shelf:
    """A shelf on an empty store, of each kind in turn."""
    return shelf_of(every_store)


@pytest.fixture
def process_of(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Make processes that share a spool."""
    made: list[Process] = []

    def make(server: StoreServer, **options: int) -> Process:
        made.append(Process(tmp_path / "spool", StoreClient(connect(server.url, "required")), **options))
        return made[-1]

    yield make
    for process in made:
        process.drainer.close()
        process.spool.close()
        process.store_client.close()


@pytest.fixture
def process(own_store: StoreServer, process_of: Callable[..., Process]) -> Process:
    return process_of(own_store)
