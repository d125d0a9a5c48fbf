"""Snapshots: requests that share a round trip get the same as if each had read alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from receiver.errors import StoreUnavailableError, WriteRefusedError
from receiver.graph.call_notifications import read_response
from receiver.store.snapshots import Snapshot, Snapshots
from tests.support.shelf import Shelf
from tests.support.stores import StoreServer


@pytest.fixture
def snapshots(shelf: Shelf) -> Snapshots:
    return Snapshots(shelf.store_client, shelf.reader)


def ask_together(snapshots: Snapshots, contexts: list[str]) -> list[Snapshot | BaseException | None]:
    """Read client contexts, each in a thread of its own; return the results."""
    barrier = Barrier(len(contexts))

    def ask(context: str) -> Snapshot | BaseException:
        barrier.wait()
        try:
            return snapshots.latest(context)
        except StoreUnavailableError as error:
            return error

    with ThreadPoolExecutor(len(contexts)) as pool:
        return list(pool.map(ask, contexts))


def test_snapshot_is_what_the_reader_returns(snapshots: Snapshots, shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(read_response({}, "known", ""))
    position = store.stream("receiver:{0}:feed")[-1][0].decode()
    assert snapshots.latest("known") == Snapshot(shelf.reader.latest("known"), position)
    assert snapshots.latest("unknown") == Snapshot(None, position)


def test_concurrent_requests_get_their_own_snapshots(snapshots: Snapshots, shelf: Shelf) -> None:
    shelf.keep(*(read_response({}, f"cc-{number}", "") for number in range(60)))
    contexts = [f"cc-{number}" for number in range(60)] * 2 + ["unknown"] * 5
    found = ask_together(snapshots, contexts)
    names = [one.record and one.record.client_context for one in found if isinstance(one, Snapshot)]
    assert names == [*contexts[:120], *[None] * 5]


def test_odd_client_context_fails_no_other_read(
    snapshots: Snapshots, shelf: Shelf, store: StoreServer
) -> None:
    shelf.keep(read_response({}, "known", ""))
    store.client.set("receiver:{0}:cc:odd", "of another type")
    found = ask_together(snapshots, ["known", "odd", "unknown"] * 3)
    assert all(isinstance(one, WriteRefusedError) for one in found[1::3])
    assert all(isinstance(one, Snapshot) and one.record for one in found[::3])
    assert all(isinstance(one, Snapshot) and not one.record for one in found[2::3])


def test_unreadable_record_is_replaced_by_the_next(
    snapshots: Snapshots, shelf: Shelf, store: StoreServer
) -> None:
    shelf.keep(read_response({"id": "one"}, "known", ""))
    shelf.keep(read_response({"id": "two"}, "known", ""))
    store.client.set("receiver:{0}:op:2", '{"from": "tomorrow"}')
    found = snapshots.latest("known").record
    assert found
    assert found.number == 1


def test_request_without_a_store_fails(
    own_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf = shelf_of(own_store)
    snapshots = Snapshots(shelf.store_client, shelf.reader)
    own_store.kill()
    found = ask_together(snapshots, ["a", "b", "a"])
    own_store.start()
    assert all(isinstance(one, StoreUnavailableError) for one in found)
