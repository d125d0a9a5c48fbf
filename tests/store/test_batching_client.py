"""The batching client: many calls in one round trip, each with its own reply, error and deadline."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from receiver.errors import OverloadedError, StoreUnavailableError
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.support.stores import StoreServer
from tests.support.waiting import until


class CountingClient(StoreClient):
    """A client that records how many commands each round trip had, and that a test can hold up."""

    def __init__(self, server: StoreServer) -> None:
        super().__init__(connect(server.url, "required"))
        self.trips: list[int] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def call_each(self, commands: Sequence[bytes], *, within: float) -> list[Any]:
        self.trips.append(len(commands))
        assert self.may_go.wait(10)
        return super().call_each(commands, within=within)


@pytest.fixture
def store_client(store: StoreServer) -> Iterator[CountingClient]:
    made = CountingClient(store)
    yield made
    made.close()


def test_lone_call_has_a_round_trip_of_its_own(store_client: CountingClient) -> None:
    batching_client = BatchingClient(store_client)
    assert batching_client.call([("SET", "a", 1), ("GET", "a")], within=2) == [b"OK", b"1"]
    assert batching_client.call([("GET", "a")], within=2) == [b"1"]
    assert store_client.trips == [2, 1]


def test_calls_that_wait_share_a_round_trip(store_client: CountingClient) -> None:
    batching_client = BatchingClient(store_client, slots=1)
    store_client.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(batching_client.call, [("PING",)], within=10)
        until(lambda: store_client.trips == [1])
        others = [
            pool.submit(batching_client.call, [("ECHO", n), ("ECHO", -n)], within=10) for n in range(40)
        ]
        until(lambda: len(batching_client._queue) == 40)
        store_client.may_go.set()
        assert first.result() == [b"PONG"]
        assert [other.result() for other in others] == [[b"%d" % n, b"%d" % -n] for n in range(40)]
    assert store_client.trips == [1, 80]


def test_batch_is_bounded_and_a_large_call_is_sent_alone(store_client: CountingClient) -> None:
    batching_client = BatchingClient(store_client, slots=1, max_batch_items=10)
    store_client.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(batching_client.call, [("PING",)], within=10)
        until(lambda: store_client.trips == [1])
        calls = []
        for items in [4, 4, 4, 25, 1]:
            calls.append(pool.submit(batching_client.call, [("PING",)], within=10, items=items))
            until(lambda: len(batching_client._queue) == len(calls))
        store_client.may_go.set()
        for call in [first, *calls]:
            assert call.result() == [b"PONG"]
    assert store_client.trips == [1, 2, 1, 1, 1]


def test_error_reply_reaches_only_its_own_call(store_client: CountingClient, store: StoreServer) -> None:
    batching_client = BatchingClient(store_client, slots=1)
    store.client.set("text", "no number")
    store_client.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(batching_client.call, [("PING",)], within=10)
        until(lambda: store_client.trips == [1])
        wrong = pool.submit(batching_client.call, [("INCR", "a"), ("INCR", "text")], within=10)
        right = [pool.submit(batching_client.call, [("INCR", "b")], within=10) for _ in range(9)]
        until(lambda: len(batching_client._queue) == 10)
        store_client.may_go.set()
        first.result()
        with pytest.raises(StoreUnavailableError, match="refuses"):
            wrong.result()
        assert sorted(int(call.result()[0]) for call in right) == list(range(1, 10))
    assert store_client.trips == [1, 11]


def test_call_that_cannot_be_packed_fails_alone(store_client: CountingClient) -> None:
    batching_client = BatchingClient(store_client)
    with ThreadPoolExecutor(20) as pool:
        wrong = pool.submit(batching_client.call, [("SET", "a", "\ud800")], within=2)
        right = [pool.submit(batching_client.call, [("PING",)], within=2) for _ in range(10)]
        with pytest.raises(UnicodeEncodeError):
            wrong.result()
        assert [call.result() for call in right] == [[b"PONG"]] * 10


def test_call_past_its_deadline_leaves_the_queue(store_client: CountingClient) -> None:
    batching_client = BatchingClient(store_client, slots=1)
    store_client.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(batching_client.call, [("PING",)], within=10)
        until(lambda: bool(store_client.trips))
        hurried = pool.submit(batching_client.call, [("INCR", "hurried")], within=0.05)
        patient = pool.submit(batching_client.call, [("PING",)], within=10)
        with pytest.raises(StoreUnavailableError, match="in time"):
            hurried.result()
        store_client.may_go.set()
        assert (first.result(), patient.result()) == ([b"PONG"], [b"PONG"])
    assert store_client.call([("GET", "hurried")], within=2) == [None]


def test_call_with_a_later_deadline_is_sent_again(own_store: StoreServer) -> None:
    store_client = CountingClient(own_store)
    batching_client = BatchingClient(store_client, slots=1)
    own_store.stall()
    with ThreadPoolExecutor(50) as pool:
        hurried = pool.submit(batching_client.call, [("PING",)], within=0.3)
        until(lambda: bool(store_client.trips))
        patient = [pool.submit(batching_client.call, [("PING",)], within=20) for _ in range(20)]
        with pytest.raises(StoreUnavailableError):
            hurried.result()
        own_store.go_on()
        assert [call.result() for call in patient] == [[b"PONG"]] * 20
    store_client.close()


def test_full_queue_refuses_at_once_and_reads_yield_to_writes(store_client: CountingClient) -> None:
    writes = BatchingClient(store_client, slots=1, queue_size=8)
    reads = BatchingClient(store_client, slots=1, yields_to=writes)
    store_client.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        calls = [
            pool.submit(batching_client.call, [("PING",)], within=10) for batching_client in (writes, reads)
        ]
        until(lambda: store_client.trips == [1, 1])
        calls.append(pool.submit(reads.call, [("PING",)], within=10))
        until(lambda: len(reads._queue) == 1)
        calls += [pool.submit(writes.call, [("PING",)], within=10) for _ in range(8)]
        until(lambda: len(writes._queue) == 8)
        began = time.monotonic()
        for full in [writes, reads]:
            with pytest.raises(OverloadedError):
                full.call([("PING",)], within=10)
        assert time.monotonic() - began < 1
        store_client.may_go.set()
        assert all(call.result() == [b"PONG"] for call in calls)


def test_every_call_gets_its_own_reply_under_load(store_client: CountingClient) -> None:
    batching_client = BatchingClient(store_client)

    def echo(name: int) -> bool:
        return all(
            batching_client.call([("ECHO", f"{name}-{n}")], within=20) == [b"%d-%d" % (name, n)]
            for n in range(40)
        )

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(echo, range(32)))
    assert sum(store_client.trips) == 32 * 40
    assert len(batching_client._free_slots) == 2


def test_unavailable_store_is_not_asked_without_a_pause(own_store: StoreServer) -> None:
    with closing(CountingClient(own_store)) as store_client:
        own_store.kill()
        batching_client = BatchingClient(store_client)
        with pytest.raises(StoreUnavailableError):
            batching_client.call([("PING",)], within=1.5)
        assert store_client.trips == [1]
