"""Overdue operations on a real server: when they are marked, what ends that, and what the indexes hold then."""

from collections.abc import Callable, Sequence

import pytest

from receiver.errors import StoreUnavailableError
from receiver.store.feed import START, Feed
from receiver.store.reader import OperationFilter
from receiver.store.records import OperationRecord
from tests.support.shelf import NOW, Shelf
from tests.support.stores import StoreServer
from tests.support.updates import CALL, bare, operation

DUE, IS_OVERDUE = "receiver:{0}:due", "receiver:{0}:overdue"


def overdue(shelf: Shelf) -> list[str]:
    page = shelf.reader.operations(OperationFilter(overdue=True), limit=200)
    return [record.client_context for record in page.operations]


def scrape(shelf: Shelf) -> list[bool]:
    """Return the last event of each operation that a reader of the whole feed gets now."""
    feed = Feed(shelf.store_client)
    events = feed.between(START, feed.position()).events
    return [event.changed.overdue for event in events if isinstance(event.changed, OperationRecord)]


@pytest.mark.parametrize("items", [bare(), operation("notStarted"), operation("running"), operation("other")])
def test_operation_without_a_result_becomes_overdue_once(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf], items: object
) -> None:
    shelf = shelf_of(every_store)
    shelf.register(items)  # type: ignore[arg-type]
    before = shelf.latest()
    assert (before.due, before.overdue) == ((NOW + 120) * 1000, False)
    shelf.now += 119
    assert shelf.deadlines.mark() == 0
    shelf.now += 1
    assert [shelf.deadlines.mark() for _ in range(3)] == [1, 0, 0]
    after = shelf.latest()
    assert (after.overdue, after.revision, after.due) == (True, before.revision + 1, before.due)
    assert (after.updated, after.duplicates, after.times) == (before.updated, before.duplicates, before.times)
    assert (scrape(shelf), overdue(shelf), shelf.reader.count_overdue()) == ([True], ["invite-1"], 1)
    assert every_store.client.ttl("receiver:{0}:op:1") <= 30 * 86400


@pytest.mark.parametrize("late", [0, 3600])
@pytest.mark.parametrize("status", ["completed", "failed"])
def test_late_result_ends_overdue(shelf: Shelf, store: StoreServer, status: str, late: int) -> None:
    shelf.register(bare())
    shelf.now += late
    shelf.deadlines.mark()
    shelf.keep(operation(status))
    shelf.now += 9999
    assert shelf.deadlines.mark() == 0
    record = shelf.latest()
    assert (record.status, record.due, record.overdue) == (status, None, False)
    assert store.client.exists(DUE, IS_OVERDUE) == 0


def test_immediate_result_needs_no_further_command(shelf: Shelf, store: StoreServer) -> None:
    store.client.config_resetstat()
    shelf.keep(operation("completed"))
    shelf.keep(operation("completed", op="other"), operation("completed", op="other"))
    commands = store.client.info("commandstats")
    assert commands["cmdstat_zadd"]["calls"] == 2, "those of the client context"
    assert "cmdstat_zrem" not in commands
    assert b"due" not in store.value("receiver:{0}:op:1")


def test_update_without_a_result_leaves_it_overdue(shelf: Shelf) -> None:
    shelf.keep(operation("notStarted"))
    shelf.now += 100
    shelf.keep(operation("running"))
    assert shelf.latest().due == (NOW + 120) * 1000, "it counts from the first update"
    shelf.now += 20
    assert shelf.deadlines.mark() == 1
    shelf.keep(operation("running"), operation("running", more=1))
    assert (shelf.latest().overdue, overdue(shelf)) == (True, ["invite-1"])
    assert shelf.deadlines.mark() == 0


@pytest.mark.parametrize("registered", [bare(), operation("running", call=""), operation("running")])
@pytest.mark.parametrize("first", ["the registration", "the notification"])
def test_deadline_counts_from_the_first_update_of_any_kind(
    shelf: Shelf, registered: object, first: str
) -> None:
    def register() -> None:
        shelf.register(registered, deadline=300)  # type: ignore[arg-type]

    def notify() -> None:
        shelf.keep(operation("running"))

    for act in (register, notify) if first == "the registration" else (notify, register):
        act()
        shelf.now += 10
    record = shelf.latest()
    assert (record.due, record.others) == ((NOW + 300) * 1000, 0)
    assert record.revision == shelf.latest().revision


def test_same_deadline_again_changes_nothing(shelf: Shelf) -> None:
    for deadline, revision in ((60, 1), (60, 1), (None, 1), (90, 2), (90, 2)):
        shelf.register(bare(), deadline=deadline)
        assert shelf.latest().revision == revision
    assert shelf.latest().due == (NOW + 90) * 1000
    shelf.now += 90
    shelf.deadlines.mark()
    shelf.register(bare(), deadline=90)
    assert shelf.latest().overdue
    shelf.register(bare(), deadline=180)
    assert (shelf.latest().overdue, overdue(shelf)) == (False, [])
    shelf.now += 90
    assert shelf.deadlines.mark() == 1
    shelf.keep(operation("completed"))
    shelf.register(bare(), deadline=600)
    assert (shelf.latest().due, shelf.latest().others) == (None, 0)


def test_deadline_of_bare_registration_is_for_latest_operation(shelf: Shelf) -> None:
    shelf.keep(operation("running", op="first"), operation("running", op="second"))
    shelf.register(bare(), deadline=1)
    shelf.now += 1
    assert shelf.deadlines.mark() == 1
    assert (shelf.latest().operation_id, shelf.latest().overdue, shelf.latest().others) == ("second", True, 1)


def test_deletion_removes_it_from_due_and_overdue(shelf: Shelf, store: StoreServer) -> None:
    forgets: Sequence[Callable[[], bool]] = (
        lambda: shelf.eraser.delete_operations("invite-1", within=2),
        lambda: shelf.eraser.delete_call(CALL, within=2),
    )
    for forget in forgets:
        for looks in (False, True):
            shelf.keep(operation("running"))
            shelf.now += 120
            if looks:
                assert shelf.deadlines.mark() == 1
            assert forget()
            assert store.client.exists(DUE, IS_OVERDUE) == 0


def test_expired_record_is_no_longer_overdue(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(*(operation("running", cc=f"cc-{n}", op=f"op-{n}") for n in range(3)))
    store.client.delete("receiver:{0}:op:1")
    shelf.now += 120
    shelf.deadlines.mark()
    assert (store.client.exists(DUE), overdue(shelf)) == (0, ["cc-2", "cc-1"])
    store.client.delete("receiver:{0}:op:2")
    assert overdue(shelf) == ["cc-2"]
    shelf.deadlines.mark()
    assert shelf.reader.count_overdue() == 1


def test_hundreds_of_overdue_operations_are_marked_and_listed(shelf: Shelf) -> None:
    shelf.keep(*(operation("running", cc=f"cc-{n}", op=f"op-{n}") for n in range(350)))
    shelf.keep(operation(cc="done", op="done"))
    shelf.now += 120
    assert shelf.deadlines.mark() == 350
    found, cursor = [], None
    while True:
        page = shelf.reader.operations(OperationFilter(overdue=True), limit=99, cursor=cursor)
        found += [record.client_context for record in page.operations]
        cursor = page.cursor
        if cursor is None:
            break
    assert found == [f"cc-{n}" for n in range(349, -1, -1)]
    others = shelf.reader.operations(OperationFilter(overdue=False), limit=9)
    assert [record.client_context for record in others.operations] == ["done"]


def test_full_store_delays_marking_and_loses_nothing(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(operation("running"))
    shelf.now += 120
    store.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailableError, match="OOM"):
            shelf.deadlines.mark()
    finally:
        store.client.config_set("maxmemory", 0)
    assert shelf.deadlines.mark() == 1
    assert overdue(shelf) == ["invite-1"]
