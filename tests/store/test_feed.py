"""The feed on each kind of store: its extent, and gaps where it no longer holds entries."""

import pytest

from receiver.store.feed import START, Extent, Feed
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.support.stores import StoreServer

FEED = "receiver:{0}:feed"


def feed_of(store: StoreServer) -> Feed:
    return Feed(StoreClient(connect(store.url, "required")))


def fill(store: StoreServer, first: int, last: int) -> None:
    for number in range(first, last + 1):
        store.client.xadd(FEED, {"k": "o", "r": str(number), "v": "1"}, id=f"{number}-0")


def test_empty_feed_is_read_from_the_start(every_store: StoreServer) -> None:
    feed = feed_of(every_store)
    assert feed.position() == START
    batch = feed.wait(START, 0.05)
    assert (batch.events, batch.position, batch.has_gap) == ((), START, False)


def test_position_outlives_its_entry(every_store: StoreServer) -> None:
    feed = feed_of(every_store)
    fill(every_store, 1, 3)
    every_store.client.xdel(FEED, "3-0")
    assert feed.position() == "3-0"
    assert not feed.wait("3-0", 0.05).has_gap
    every_store.client.xdel(FEED, "2-0", "1-0")
    assert not feed.wait("3-0", 0.05).has_gap


@pytest.mark.parametrize("position", ["1-0", "3-0", "11-0", "99999999999999-0"])
def test_position_outside_the_feed_is_a_gap(every_store: StoreServer, position: str) -> None:
    feed = feed_of(every_store)
    fill(every_store, 1, 10)
    every_store.client.xtrim(FEED, maxlen=5, approximate=False)
    for batch in (feed.wait(position, 0.05), feed.between(position, "10-0")):
        assert batch.has_gap
        assert (batch.events, batch.position) == ((), "10-0")
    assert not feed.wait("6-0", 0.05).has_gap
    assert not feed.between("10-0", "10-0").has_gap


def test_lost_feed_is_a_gap(every_store: StoreServer) -> None:
    feed = feed_of(every_store)
    fill(every_store, 1, 10)
    every_store.client.delete(FEED)
    batch = feed.wait("10-0", 0.05)
    assert (batch.has_gap, batch.position) == (True, START)


def test_unreadable_entries_are_skipped(every_store: StoreServer) -> None:
    feed = feed_of(every_store)
    every_store.client.xadd(FEED, {"odd": "1"}, id="1-0")
    every_store.client.xadd(FEED, {"k": "s", "r": "a" * 64, "v": "0"}, id="2-0")
    every_store.client.xadd(FEED, {"k": "o", "r": "1-1", "v": "0"}, id="3-0")
    batch = feed.wait(START, 0.05)
    assert (batch.events, batch.position, batch.ended_sessions) == ((), "3-0", frozenset({"a" * 64}))


@pytest.mark.parametrize(("length", "held"), [(0, True), (9_999, True), (10_000, False)])
def test_start_is_held_until_the_feed_is_full(length: int, held: bool) -> None:
    assert Extent("5-0", "20000-0", length).holds(START) is held
