"""The merge, on a real server: the rule at the top of `merge.lua`, clause by clause."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.errors import StoreUnavailableError
from receiver.graph.updates import OperationUpdate, RosterUpdate
from receiver.store.feed import Feed
from receiver.store.records import OperationRecord
from tests.support.shelf import Shelf
from tests.support.stores import StoreServer
from tests.support.updates import CALL, OPERATION, bare, call, change, operation


def test_update_is_stored_completely(shelf: Shelf) -> None:
    assert shelf.keep(operation("running", participants=[{"id": "a"}])) == ["new"]
    record = shelf.latest()
    assert (record.client_context, record.call_id, record.operation_id) == ("invite-1", CALL, OPERATION)
    assert (record.status, record.done, record.type) == ("running", False, "inviteParticipantsOperation")
    assert record.members == {"participants": '[{"id": "a"}]'}
    assert (record.revision, record.notifications, record.duplicates, record.others) == (1, 1, 0, 0)
    assert record.times == {"running": shelf.now * 1000}


def test_late_running_status_does_not_undo_completed(shelf: Shelf) -> None:
    shelf.keep(operation("completed", resultInfo={"code": 200}))
    assert shelf.keep(operation("running", resultInfo=None)) == ["changed"]
    record = shelf.latest()
    assert (record.status, record.members["resultInfo"]) == ("completed", '{"code": 200}')
    assert set(record.times) == {"running", "completed"}


def test_update_of_a_lower_rank_fills_only_what_is_absent(shelf: Shelf) -> None:
    shelf.keep(operation("completed", a=1))
    shelf.keep(operation("running", a=2, b=3))
    assert shelf.latest().members == {"a": "1", "b": "3"}


def test_absent_member_stays_and_null_overwrites(shelf: Shelf) -> None:
    shelf.keep(operation("running", a=1, b=2))
    shelf.keep(operation("completed", a=None))
    assert shelf.latest().members == {"a": "null", "b": "2"}


def test_last_update_wins_among_equals_that_are_not_final(shelf: Shelf) -> None:
    shelf.keep(operation("running", a=1), operation("running", a=2))
    assert shelf.latest().members == {"a": "2"}


def test_unknown_status_ranks_as_running(shelf: Shelf) -> None:
    shelf.keep(operation("notStarted"), operation("pausedForTea"))
    assert shelf.latest().status == "pausedForTea"
    shelf.keep(operation("notStarted"))
    assert shelf.latest().status == "pausedForTea"
    shelf.keep(operation("failed"))
    assert shelf.latest().status == "failed"


def test_update_without_a_status_keeps_the_known_one(shelf: Shelf) -> None:
    shelf.keep(operation("running"), operation("", a=1))
    assert (shelf.latest().status, shelf.latest().members) == ("running", {"a": "1"})


def test_same_update_again_counts_as_a_duplicate(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(operation("running"), operation("completed", a=1))
    before = shelf.latest()
    announced = store.client.xlen("receiver:{0}:feed")
    shelf.now += 5
    assert shelf.keep(operation("completed", a=1)) == ["duplicate"]
    after = shelf.latest()
    assert (after.notifications, after.duplicates) == (3, 1)
    assert (after.revision, after.updated, after.times) == (before.revision, before.updated, before.times)
    assert store.client.xlen("receiver:{0}:feed") == announced


def test_notification_written_twice_is_counted_once(shelf: Shelf) -> None:
    items = (operation("running"), operation("completed"), operation("completed"))
    shelf.keep(*items, notification_id="d")
    shelf.keep(*items, notification_id="d")
    record = shelf.latest()
    assert (record.notifications, record.duplicates, record.revision) == (3, 1, 2)


def test_different_result_is_stored_as_conflict(shelf: Shelf) -> None:
    shelf.keep(operation("completed", resultInfo={"code": 200}))
    assert shelf.keep(operation("failed", resultInfo={"code": 408}, more=1)) == ["conflict"]
    assert shelf.keep(operation("failed", resultInfo={"code": 408}, more=1)) == ["duplicate"]
    record = shelf.latest()
    assert (record.status, record.members) == ("completed", {"resultInfo": '{"code": 200}'})
    assert record.conflict is not None
    assert record.conflict.status == "failed"
    assert record.conflict.members == {"resultInfo": '{"code": 408}', "more": "1"}


def test_second_result_with_more_members_is_not_a_conflict(shelf: Shelf) -> None:
    shelf.keep(operation("completed", a=None))
    assert shelf.keep(operation("completed", a=1, b=2, **{"@odata.etag": "x"})) == ["changed"]
    shelf.keep(operation("completed", **{"@odata.etag": "y"}))
    assert shelf.latest().conflict is None
    assert shelf.latest().members["a"] == "1"


def test_several_operations_of_one_client_context_are_kept_apart(shelf: Shelf) -> None:
    shelf.keep(operation("completed", op="first"), operation("running", op="second"))
    assert (shelf.latest().operation_id, shelf.latest().others) == ("second", 1)
    shelf.keep(operation("completed", op="first", late=True))
    assert shelf.latest().operation_id == "second", "the latest is the one whose first update arrived last"


def test_operation_without_client_context_is_found_by_its_call(shelf: Shelf) -> None:
    shelf.keep(operation("completed", cc=""))
    found = shelf.reader.operation(CALL, OPERATION)
    assert found is not None
    assert (found.client_context, found.status) == ("", "completed")
    assert shelf.reader.latest("None") is None
    assert shelf.reader.latest("") is None


def test_response_without_call_id_meets_its_notification(shelf: Shelf) -> None:
    for order in permutations([operation("running", call=""), operation("completed")]):
        shelf.store_client.call([("FLUSHALL",)], within=2)
        shelf.keep(*order)
        record = shelf.latest()
        assert (record.call_id, record.status, record.others) == (CALL, "completed", 0)
        by_ids = shelf.reader.operation(CALL, OPERATION)
        assert by_ids is not None
        assert by_ids.revision == 2


def test_updates_that_lack_an_id_meet_in_any_order(shelf: Shelf) -> None:
    of_the_response = operation("running", call="")
    for poorer in (operation("completed", op=""), operation("completed", cc="")):
        for order in permutations([of_the_response, poorer]):
            shelf.store_client.call([("FLUSHALL",)], within=2)
            shelf.keep(*order)
            record = shelf.latest()
            assert (record.status, record.others) == ("completed", 0), order
            assert (record.call_id, record.operation_id) == (CALL, OPERATION), order


def test_update_that_fits_several_gets_a_record_of_its_own(shelf: Shelf) -> None:
    shelf.keep(operation("running", op="first"), operation("running", op="second"))
    assert shelf.keep(operation("failed", op="")) == ["new"]
    assert shelf.latest().others == 2


def test_update_that_fits_several_goes_to_the_unfinished_one(shelf: Shelf) -> None:
    shelf.keep(operation("completed", op="first"), operation("running", op="second"))
    assert shelf.keep(operation("failed", op="")) == ["changed"]
    assert (shelf.latest().operation_id, shelf.latest().status) == ("second", "failed")


def test_bare_registration_is_taken_over_by_first_update(shelf: Shelf) -> None:
    assert shelf.register(bare()) == "new"
    assert shelf.register(bare()) == "duplicate"
    assert (shelf.latest().status, shelf.latest().notifications) == ("", 0)
    shelf.now += 60
    assert shelf.keep(operation("completed")) == ["changed"]
    record = shelf.latest()
    assert (record.status, record.others, record.call_id) == ("completed", 0, CALL)
    assert record.updated - record.first_seen == 60_000
    assert shelf.register(bare()) == "duplicate"
    assert shelf.latest() == record


def test_registration_is_not_counted_as_a_notification(shelf: Shelf) -> None:
    shelf.register(operation("running", call=""))
    shelf.register(operation("running", call=""))
    assert (shelf.latest().notifications, shelf.latest().duplicates, shelf.latest().revision) == (0, 0, 1)


@pytest.mark.parametrize("name", ["a/b:c*{d}", "zeile\nzeile", "👋🏽", "None", " ", "x" * 256, "\0"])
def test_every_client_context_has_a_key_of_its_own(shelf: Shelf, name: str) -> None:
    shelf.keep(operation(cc=name), operation(cc="other"))
    assert shelf.latest(name).client_context == name
    assert shelf.latest(name).others == 0


def test_call_has_its_last_state_and_every_member(shelf: Shelf) -> None:
    shelf.keep(
        call("established", direction="outgoing"), call("establishing", subject="s"), call("established")
    )
    shelf.keep(call("hold"), call("established"))
    record, operations = shelf.reader.call(CALL)
    assert record is not None
    assert (record.state, record.members, operations) == (
        "established",
        {"direction": '"outgoing"', "subject": '"s"'},
        (),
    )
    shelf.keep(call("terminated"), call("established"))
    record, _ = shelf.reader.call(CALL)
    assert record is not None
    assert record.state == "terminated"


def test_call_has_its_roster_and_operations(shelf: Shelf) -> None:
    assert shelf.keep(RosterUpdate(CALL, "tenant", "[1]"), operation(), operation(op="other")) == ["new"] * 3
    assert shelf.keep(RosterUpdate(CALL, "tenant", "[1]")) == ["duplicate"]
    assert shelf.keep(RosterUpdate(CALL, "tenant", "[]")) == ["changed"]
    record, operations = shelf.reader.call(CALL)
    assert record is not None
    assert (record.roster, [found.operation_id for found in operations]) == ("[]", ["other", OPERATION])


def test_hundreds_of_items_are_stored_at_once(shelf: Shelf) -> None:
    outcomes = shelf.keep(*(operation(cc=f"cc-{n}", op=f"op-{n}") for n in range(350)))
    assert outcomes == ["new"] * 350
    assert shelf.latest("cc-349").done


def test_merge_is_the_same_on_every_server(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf = shelf_of(every_store)
    shelf.register(bare())
    shelf.keep(operation("running", a=1), operation("completed", a=2), call(), RosterUpdate(CALL, "", "[]"))
    record = shelf.latest()
    assert (record.status, record.members, record.revision) == ("completed", {"a": "2"}, 3)
    assert shelf.eraser.delete_operations("invite-1", within=2)
    assert shelf.reader.latest("invite-1") is None
    assert shelf.eraser.delete_call(CALL, within=2)
    assert shelf.reader.call(CALL) == (None, ())


def test_full_server_refuses_every_item_cleanly(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf = shelf_of(every_store)
    shelf.keep(operation("running"))
    before = shelf.latest()
    every_store.client.config_set("maxmemory", 1)
    try:
        for items in (operation("completed"), operation(cc="another"), call(), RosterUpdate(CALL, "", "[]")):
            with pytest.raises(StoreUnavailableError, match="OOM"):
                shelf.keep(items)
    finally:
        every_store.client.config_set("maxmemory", 0)
    assert shelf.latest() == before
    assert shelf.reader.latest("another") is None
    assert shelf.keep(operation("completed")) == ["changed"]


# The property: any order and repetition of the same updates gives the same record.

_values: st.SearchStrategy[Any] = st.sampled_from([None, 1, 2])
_members = st.dictionaries(st.sampled_from(["a", "b", "c"]), _values, max_size=3)


@st.composite
def _items(draw: st.DrawFn) -> list[OperationUpdate]:
    """Draw updates of one operation: of each rank, with results that do not contradict each other."""
    result = draw(_members)
    finals = draw(st.lists(st.sets(st.sampled_from(sorted(result)) if result else st.nothing()), max_size=3))
    items = [operation("notStarted", **draw(_members))] if draw(st.booleans()) else []
    items += [operation("running", **draw(_members))] if draw(st.booleans()) else []
    items += [operation("completed", **{name: result[name] for name in names}) for names in finals]
    items = [*items, *draw(st.lists(st.sampled_from(items), max_size=3))] if items else [operation("running")]
    return draw(st.permutations(items))


def _state(record: OperationRecord) -> object:
    return (
        record.status,
        record.members,
        set(record.times),
        record.revision,
        record.notifications,
        record.duplicates,
        record.conflict,
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=_items(), data=st.data())
def test_updates_in_any_order_give_the_same_record(
    shelf: Shelf, first: list[OperationUpdate], data: st.DataObject
) -> None:
    states = []
    for order in (first, data.draw(st.permutations(first))):
        shelf.store_client.call([("FLUSHALL",)], within=2)
        batch = data.draw(st.integers(1, len(order)))
        for start in range(0, len(order), batch):
            shelf.keep(*order[start : start + batch])
        states.append(_state(shelf.latest()))
    assert states[0] == states[1]


def _model(items: list[OperationUpdate]) -> tuple[str, dict[str, str]]:
    """The rule again, in Python: a member has the value of the highest rank, among equals the last."""
    status, status_rank = "", -1
    members: dict[str, tuple[int, str]] = {}
    for item in items:
        if item.rank > status_rank or item.rank == status_rank < 2:
            status, status_rank = item.status, item.rank
        for name, text in item.members.items():
            rank, held = members.get(name, (-1, ""))
            if item.rank > rank or (item.rank == rank and (rank < 2 or held == "null")):
                members[name] = (item.rank, text)
    return status, {name: text for name, (_, text) in members.items()}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=_items())
def test_merge_agrees_with_the_model_in_python(shelf: Shelf, items: list[OperationUpdate]) -> None:
    shelf.store_client.call([("FLUSHALL",)], within=2)
    shelf.keep(*items)
    record = shelf.latest()
    assert (record.status, record.members) == _model(items)
    assert json.loads(json.dumps(record.times)) == record.times


def test_operations_of_two_types_are_never_merged(shelf: Shelf) -> None:
    def kind(name: str, **parts: str) -> OperationUpdate:
        return replace(operation(**parts), type=name)

    shelf.keep(kind("playPromptOperation", status="running"), kind("recordOperation", op=""))
    assert (shelf.latest().type, shelf.latest().others) == ("recordOperation", 1)
    shelf.keep(kind("playPromptOperation", cc="other", op=""), kind("recordOperation", cc="other", op=""))
    assert (shelf.latest("other").conflict, shelf.latest("other").others) == (None, 1)
    shelf.keep(kind("commsOperation"))
    found = shelf.reader.operation(CALL, OPERATION)
    assert found is not None
    assert (found.type, found.status) == ("playPromptOperation", "completed"), "the bare type fits any"


def test_constant_client_context_costs_no_more_than_others(shelf: Shelf, store: StoreServer) -> None:
    calls = [f"{n:08}-894c-409a-b240-bd8beae78896" for n in range(1500)]
    shelf.keep(*(operation(cc="main", op="", call=call) for call in calls))
    store.client.config_resetstat()
    shelf.keep(*(operation(cc="main", op=f"op-{n}", call=f"call-{n}") for n in range(100)))
    assert store.client.info("commandstats")["cmdstat_get"]["calls"] < 100 * 25
    assert shelf.latest("main").others == 1599


def test_notification_written_twice_later_is_counted_once(shelf: Shelf) -> None:
    def deliver() -> None:
        shelf.keep(operation("running"), call("established"), notification_id="1")
        shelf.keep(operation("completed"), call("terminated"), notification_id="2")
        shelf.keep(operation("completed"), call("terminated"), notification_id="3")

    deliver()
    deliver()  # as if the replies of a whole round trip were lost
    record = shelf.latest()
    assert (record.notifications, record.duplicates, record.revision) == (3, 1, 2)
    held, _ = shelf.reader.call(CALL)
    assert held
    assert (held.notifications, held.duplicates) == (3, 1)


def test_change_written_twice_later_is_appended_once(shelf: Shelf) -> None:
    def deliver() -> None:
        for number in range(60):
            shelf.keep(change(number), change(-number), notification_id=str(number))

    deliver()
    deliver()
    entries, _ = shelf.reader.entries("changes", limit=200)
    assert len(entries) == 120


def test_store_with_clock_set_back_appends_in_order(shelf: Shelf, store: StoreServer) -> None:
    in_an_hour = round((time.time() + 3600) * 1000)
    for stream in ("changes", "feed"):
        store.client.xadd(
            f"receiver:{{0}}:{stream}", {"delivery": "x", "text": '{"number":0}'}, id=f"{in_an_hour}-0"
        )
    shelf.keep(change(1), operation(cc="a", op="1"))
    shelf.keep(change(2), operation(cc="b", op="2"))
    entries, _ = shelf.reader.entries("changes", limit=10)
    assert [entry.fields["text"] for entry in entries] == [f'{{"number":{number}}}' for number in (2, 1, 0)]
    feed = Feed(shelf.store_client)
    batch = feed.between(f"{in_an_hour}-0", feed.position())
    assert [event.client_context for event in batch.events] == ["", "a", "", "b"]


def test_operation_id_shared_by_many_contexts_finds_each_record(shelf: Shelf) -> None:
    for _ in range(2):
        for number in range(40):
            shelf.keep(operation("completed", cc=f"cc-{number}"))
    records = [shelf.reader.latest(f"cc-{number}") for number in range(40)]
    assert {(record.notifications, record.duplicates, record.others) for record in records if record} == {
        (2, 1, 0)
    }
