"""What is left after the retention: of records, indexes and streams."""

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
def test_whatever_is_kept_expires(shelf: Shelf, store: StoreServer, items: Item) -> None:
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
def test_what_has_grown_old_in_a_stream_goes_when_something_new_comes(
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
    """Make every entry of the streams older: their ids tell when it came, by the store's own clock."""
    for name in ("receiver:{0}:changes", "receiver:{0}:quarantine", "receiver:{0}:feed"):
        entries = store.client.xrange(name)
        store.client.delete(name)
        for entry_id, fields in entries:
            milliseconds, _, sequence = entry_id.decode().partition("-")
            store.client.xadd(name, fields, id=f"{int(milliseconds) - days * DAY * 1000}-{sequence}")


def streams_with_ann(store: StoreServer) -> set[str]:
    return {key.rpartition(":")[2] for key, text in store.contents().items() if "Ann" in text}


def test_the_feed_forgets_which_calls_there_were(shelf: Shelf, store: StoreServer) -> None:
    feed = "receiver:{0}:feed"
    shelf.keep(call())
    assert 0 < store.client.ttl(feed) <= 30 * DAY
    make_older(store, 31)
    assert store.client.ttl(feed) == -1
    shelf.keep(operation())
    assert CALL not in store.contents()[feed]
    assert 0 < store.client.ttl(feed) <= 30 * DAY


def test_what_is_younger_stays_however_little_room_it_takes(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(*(Unreadable("odd", str(n), "callback") for n in range(5)))
    make_older(store, 29)
    shelf.keep(operation())
    entries, _ = shelf.reader.entries("quarantine", limit=10)
    assert [entry.fields["text"] for entry in entries] == ["4", "3", "2", "1", "0"]


def test_a_receiver_whose_clock_is_ahead_drops_nothing(shelf: Shelf) -> None:
    shelf.keep(CHANGE, UNREADABLE)
    shelf.now += 400 * DAY
    shelf.keep(CHANGE, UNREADABLE, operation())
    for stream in ("changes", "quarantine"):
        assert len(shelf.reader.entries(stream, limit=10)[0]) == 2
