"""The pipeline: many calls in one round trip, each with its own reply, its own refusal and its own time."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from receiver.errors import OverloadedError, StoreUnavailableError
from receiver.store.transport.batching_client import Pipeline
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import Link
from tests.support.stores import StoreServer


class CountingLink(Link):
    """A link that remembers how many commands each round trip had, and can be held up."""

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
def link(store: StoreServer) -> Iterator[CountingLink]:
    made = CountingLink(store)
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_lone_call_is_a_round_trip_of_its_own(link: CountingLink) -> None:
    pipeline = Pipeline(link)
    assert pipeline.call([("SET", "a", 1), ("GET", "a")], within=2) == [b"OK", b"1"]
    assert pipeline.call([("GET", "a")], within=2) == [b"1"]
    assert link.trips == [2, 1]


def test_calls_that_come_while_others_are_on_their_way_share_a_round_trip(link: CountingLink) -> None:
    pipeline = Pipeline(link, lanes=1)
    link.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(pipeline.call, [("PING",)], within=10)
        until(lambda: link.trips == [1])
        others = [pool.submit(pipeline.call, [("ECHO", n), ("ECHO", -n)], within=10) for n in range(40)]
        until(lambda: len(pipeline._line) == 40)
        link.may_go.set()
        assert first.result() == [b"PONG"]
        assert [other.result() for other in others] == [[b"%d" % n, b"%d" % -n] for n in range(40)]
    assert link.trips == [1, 80]


def test_a_round_trip_is_bounded_and_a_large_call_goes_alone(link: CountingLink) -> None:
    pipeline = Pipeline(link, lanes=1, most=10)
    link.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(pipeline.call, [("PING",)], within=10)
        until(lambda: link.trips == [1])
        calls = []
        for items in [4, 4, 4, 25, 1]:
            calls.append(pool.submit(pipeline.call, [("PING",)], within=10, items=items))
            until(lambda: len(pipeline._line) == len(calls))
        link.may_go.set()
        for call in [first, *calls]:
            assert call.result() == [b"PONG"]
    assert link.trips == [1, 2, 1, 1, 1]


def test_a_refusal_reaches_only_the_call_that_it_is_meant_for(link: CountingLink, store: StoreServer) -> None:
    pipeline = Pipeline(link, lanes=1)
    store.client.set("text", "no number")
    link.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(pipeline.call, [("PING",)], within=10)
        until(lambda: link.trips == [1])
        wrong = pool.submit(pipeline.call, [("INCR", "a"), ("INCR", "text")], within=10)
        right = [pool.submit(pipeline.call, [("INCR", "b")], within=10) for _ in range(9)]
        until(lambda: len(pipeline._line) == 10)
        link.may_go.set()
        first.result()
        with pytest.raises(StoreUnavailableError, match="refuses"):
            wrong.result()
        assert sorted(int(call.result()[0]) for call in right) == list(range(1, 10))
    assert link.trips == [1, 11]


def test_what_can_t_be_written_fails_alone(link: CountingLink) -> None:
    pipeline = Pipeline(link)
    with ThreadPoolExecutor(20) as pool:
        wrong = pool.submit(pipeline.call, [("SET", "a", "\ud800")], within=2)
        right = [pool.submit(pipeline.call, [("PING",)], within=2) for _ in range(10)]
        with pytest.raises(UnicodeEncodeError):
            wrong.result()
        assert [call.result() for call in right] == [[b"PONG"]] * 10


def test_a_call_whose_time_is_over_leaves_the_line_and_the_others_go_on(link: CountingLink) -> None:
    pipeline = Pipeline(link, lanes=1)
    link.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(pipeline.call, [("PING",)], within=10)
        until(lambda: bool(link.trips))
        hurried = pool.submit(pipeline.call, [("INCR", "hurried")], within=0.05)
        patient = pool.submit(pipeline.call, [("PING",)], within=10)
        with pytest.raises(StoreUnavailableError, match="in time"):
            hurried.result()
        link.may_go.set()
        assert (first.result(), patient.result()) == ([b"PONG"], [b"PONG"])
    assert link.call([("GET", "hurried")], within=2) == [None]


def test_one_with_more_time_than_the_one_who_sent_his_call_tries_again(own_store: StoreServer) -> None:
    link = CountingLink(own_store)
    pipeline = Pipeline(link, lanes=1)
    own_store.stall()
    with ThreadPoolExecutor(50) as pool:
        hurried = pool.submit(pipeline.call, [("PING",)], within=0.3)
        until(lambda: bool(link.trips))
        patient = [pool.submit(pipeline.call, [("PING",)], within=20) for _ in range(20)]
        with pytest.raises(StoreUnavailableError):
            hurried.result()
        own_store.go_on()
        assert [call.result() for call in patient] == [[b"PONG"]] * 20
    link.close()


def test_a_full_line_refuses_at_once_and_reads_give_way_to_writes(link: CountingLink) -> None:
    writes = Pipeline(link, lanes=1, line=8)
    reads = Pipeline(link, lanes=1, gives_way_to=writes)
    link.may_go.clear()
    with ThreadPoolExecutor(50) as pool:
        calls = [pool.submit(pipeline.call, [("PING",)], within=10) for pipeline in (writes, reads)]
        until(lambda: link.trips == [1, 1])
        calls.append(pool.submit(reads.call, [("PING",)], within=10))
        until(lambda: len(reads._line) == 1)
        calls += [pool.submit(writes.call, [("PING",)], within=10) for _ in range(8)]
        until(lambda: len(writes._line) == 8)
        began = time.monotonic()
        for full in [writes, reads]:
            with pytest.raises(OverloadedError):
                full.call([("PING",)], within=10)
        assert time.monotonic() - began < 1
        link.may_go.set()
        assert all(call.result() == [b"PONG"] for call in calls)


def test_whatever_the_load_every_call_gets_its_own_reply(link: CountingLink) -> None:
    pipeline = Pipeline(link)

    def echo(name: int) -> bool:
        return all(
            pipeline.call([("ECHO", f"{name}-{n}")], within=20) == [b"%d-%d" % (name, n)] for n in range(40)
        )

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(echo, range(32)))
    assert sum(link.trips) == 32 * 40
    assert len(pipeline._lanes) == 2


def test_while_the_store_is_away_nobody_asks_it_without_a_pause(own_store: StoreServer) -> None:
    with closing(CountingLink(own_store)) as link:
        own_store.kill()
        pipeline = Pipeline(link)
        with pytest.raises(StoreUnavailableError):
            pipeline.call([("PING",)], within=1.5)
        assert link.trips == [1]
