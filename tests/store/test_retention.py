"""The retention: records, indexes and stream entries expire."""

from dataclasses import replace

import pytest

from receiver.graph.updates import ChangeNotification, OperationUpdate, RosterUpdate, Unreadable
from receiver.store.writer import Item
from tests.support.shelf import Shelf
from tests.support.stores import StoreServer
from tests.support.updates import CALL, bare, call, operation

DAY = 86400
CHANGE = ChangeNotification("s-1", "t-1", "created", "", "r", '{"name":"Ann"}', encrypted=False)
UNREADABLE = Unreadable("odd", '{"name":"Ann"}', "callback", "t-1", "Ann")

EVERYTHING = [
    pytest.param(operation(cc="Ann", name="Ann"), id="an operation"),
    pytest.param(operation(cc="Ann", call="", name="Ann"), id="one without a call"),
    pytest.param(operation(cc="Ann", op="", name="Ann"), id="one without an id"),
    pytest.param(operation(cc="", name="Ann"), id="one without a client context"),
    pytest.param(bare("Ann"), id="a registration"),
    pytest.param(call(subject="Ann"), id="a call"),
    pytest.param(RosterUpdate(CALL, "t-1", '["Ann"]'), id="a roster"),
    pytest.param(CHANGE, id="a change notification"),
    pytest.param(UNREADABLE, id="an item in quarantine"),
]


@pytest.mark.parametrize("items", EVERYTHING)
def test_every_record_expires(shelf: Shelf, store: StoreServer, items: Item) -> None:
    shelf.keep(items)
    personal = [key for key, text in store.contents().items() if "Ann" in key + text]
    assert personal
    for key in personal:
        assert 0 < store.client.ttl(key) <= 30 * DAY, key
        store.client.pexpire(key, 1)
    while store.client.exists(*personal):
        pass
    assert "Ann" not in str(store.contents())


@pytest.mark.parametrize(
    ("later", "swept"),
    [
        pytest.param(operation(), {"changes", "quarantine"}, id="an operation"),
        pytest.param(replace(CHANGE, text="{}"), {"changes"}, id="a change notification"),
        pytest.param(Unreadable("odd", "{}", "callback"), {"quarantine"}, id="an item in quarantine"),
    ],
)
def test_old_stream_entries_are_deleted_by_new_ones(
    shelf: Shelf, store: StoreServer, later: Item, swept: set[str]
) -> None:
    shelf.keep(CHANGE, UNREADABLE)
    make_older(store, 29)
    shelf.keep(later)
    assert streams_with_ann(store) == {"changes", "quarantine"}
    make_older(store, 2)
    shelf.keep(replace(later, client_context="another") if isinstance(later, OperationUpdate) else later)
    assert streams_with_ann(store) == {"changes", "quarantine"} - swept


def make_older(store: StoreServer, days: int) -> None:
    """Make every entry of the streams older: their ids have the time of their arrival, by the store's clock."""
    for name in ("receiver:{0}:changes", "receiver:{0}:quarantine", "receiver:{0}:feed"):
        entries = store.stream(name)
        store.client.delete(name)
        for entry_id, fields in entries:
            milliseconds, _, sequence = entry_id.decode().partition("-")
            store.client.xadd(name, fields, id=f"{int(milliseconds) - days * DAY * 1000}-{sequence}")


def streams_with_ann(store: StoreServer) -> set[str]:
    return {key.rpartition(":")[2] for key, text in store.contents().items() if "Ann" in text}


def test_feed_expires_after_the_retention(shelf: Shelf, store: StoreServer) -> None:
    feed = "receiver:{0}:feed"
    shelf.keep(call())
    assert 0 < store.client.ttl(feed) <= 30 * DAY
    make_older(store, 31)
    assert store.client.ttl(feed) == -1
    shelf.keep(operation())
    assert CALL not in store.contents()[feed]
    assert 0 < store.client.ttl(feed) <= 30 * DAY


def test_young_stream_entries_are_not_deleted(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(*(Unreadable("odd", str(n), "callback") for n in range(5)))
    make_older(store, 29)
    shelf.keep(operation())
    entries, _ = shelf.reader.entries("quarantine", limit=10)
    assert [entry.fields["text"] for entry in entries] == ["4", "3", "2", "1", "0"]


def test_receiver_with_fast_clock_deletes_nothing(shelf: Shelf) -> None:
    shelf.keep(CHANGE, UNREADABLE)
    shelf.now += 400 * DAY
    shelf.keep(CHANGE, UNREADABLE, operation())
    for stream in ("changes", "quarantine"):
        assert len(shelf.reader.entries(stream, limit=10)[0]) == 2
