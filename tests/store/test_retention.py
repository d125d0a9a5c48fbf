"""What is left after the retention: of records, indexes and streams."""

from dataclasses import replace

import pytest

from receiver.graph.updates import ChangeNotification, OperationUpdate, RosterUpdate, Unreadable
from receiver.store.writer import News
from tests.store.builders import CALL, bare, call, operation
from tests.store.conftest import Shelf
from tests.stores import StoreServer

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


@pytest.mark.parametrize("news", EVERYTHING)
def test_whatever_is_kept_expires(shelf: Shelf, store: StoreServer, news: News) -> None:
    shelf.keep(news)
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
    shelf: Shelf, store: StoreServer, later: News, swept: set[str]
) -> None:
    shelf.now = store.client.time()[0]  # a stream's ids are of the store's clock
    shelf.keep(CHANGE, UNREADABLE)
    shelf.now += 29 * DAY
    shelf.keep(later)
    assert streams_with_ann(store) == {"changes", "quarantine"}
    shelf.now += 2 * DAY
    shelf.keep(replace(later, client_context="another") if isinstance(later, OperationUpdate) else later)
    assert streams_with_ann(store) == {"changes", "quarantine"} - swept


def streams_with_ann(store: StoreServer) -> set[str]:
    return {key.rpartition(":")[2] for key, text in store.contents().items() if "Ann" in text}


def test_what_is_younger_stays_however_little_room_it_takes(shelf: Shelf, store: StoreServer) -> None:
    shelf.now = store.client.time()[0]
    shelf.keep(*(Unreadable("odd", str(n), "callback") for n in range(5)))
    shelf.now += 29 * DAY
    shelf.keep(operation())
    entries, _ = shelf.reader.entries("quarantine", limit=10)
    assert [entry.fields["text"] for entry in entries] == ["4", "3", "2", "1", "0"]
