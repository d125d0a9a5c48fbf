"""The roster of a call on a real server: the rule at the top of `roster.lua`, clause by clause."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.graph.updates import RosterDelta, RosterUpdate
from tests.support.shelf import Shelf
from tests.support.stores import StoreServer
from tests.support.updates import CALL, call


def one(name: str, number: int | None = None, **more: object) -> dict[str, object]:
    return {"id": name, **({} if number is None else {"rosterSequenceNumber": number}), **more}


def left(name: str, number: int | None = None) -> dict[str, object]:
    return one(name, number, removedState={"reason": "Removed from roster"})


def whole(*participants: dict[str, object]) -> RosterUpdate:
    return RosterUpdate(CALL, "tenant", json.dumps(participants))


def delta(number: int | None, *participants: dict[str, object]) -> RosterDelta:
    return RosterDelta(CALL, "tenant", number, json.dumps(participants))


def present(shelf: Shelf) -> list[str]:
    record, _ = shelf.reader.call(CALL)
    assert record is not None
    assert record.roster is not None
    return [str(one["id"]) for one in json.loads(record.roster)]


def test_delta_changes_only_participants_that_it_names(shelf: Shelf) -> None:
    assert shelf.keep(delta(1, one("ann"), one("ben")), delta(2, one("dan"))) == ["new", "changed"]
    assert present(shelf) == ["ann", "ben", "dan"]
    assert shelf.keep(delta(3, left("ann"))) == ["changed"]
    assert present(shelf) == ["ben", "dan"]


def test_older_delta_never_overrides_a_newer(shelf: Shelf) -> None:
    shelf.keep(delta(3, left("ann"), one("ben", isMuted=True)))
    assert shelf.keep(delta(1, one("ann"), one("ben"))) == ["duplicate"]
    assert shelf.keep(delta(2, one("dan"), one("ann"))) == ["changed"]
    record, _ = shelf.reader.call(CALL)
    assert record is not None
    assert json.loads(record.roster or "") == [one("dan"), one("ben", isMuted=True)]


def test_numbers_of_64_bits_are_compared_to_the_digit(shelf: Shelf) -> None:
    most = (1 << 63) - 1
    shelf.keep(delta(most, one("ann", isMuted=True)), delta(most - 1, left("ann")), delta(9, left("ann")))
    assert present(shelf) == ["ann"]


def test_same_delta_again_is_a_duplicate(shelf: Shelf) -> None:
    shelf.keep(delta(1, one("ann")), delta(2, left("ann")))
    assert shelf.keep(delta(1, one("ann")), delta(2, left("ann")), delta(2)) == ["duplicate"] * 3
    assert present(shelf) == []


def test_older_whole_roster_never_replaces_a_newer(shelf: Shelf) -> None:
    shelf.keep(whole(one("ann", 5), one("ben", 4)))
    assert shelf.keep(whole(one("ann", 3), one("dan", 2))) == ["duplicate"]
    assert shelf.keep(whole(one("dan", 2))) == ["duplicate"]
    assert present(shelf) == ["ann", "ben"]
    assert shelf.keep(whole(one("ann", 5), one("dan", 6))) == ["changed"]
    assert present(shelf) == ["ann", "dan"]


def test_whole_roster_after_a_departure_needs_no_new_number(shelf: Shelf) -> None:
    shelf.keep(whole(one("ann", 1), one("ben", 2), one("dan", 3)))
    assert shelf.keep(whole(one("ann", 1), one("ben", 2))) == ["changed"]
    assert present(shelf) == ["ann", "ben"]
    assert shelf.keep(whole(one("ann", 1))) == ["changed"]
    assert present(shelf) == ["ann"]


def test_unnumbered_whole_rosters_replace_each_other(shelf: Shelf) -> None:
    shelf.keep(whole(one("ben"), one("ann")))
    assert present(shelf) == ["ben", "ann"], "in Graph's own order"
    shelf.keep(whole(one("dan"), one("ann", isInLobby=True)))
    assert present(shelf) == ["dan", "ann"]
    assert shelf.keep(whole(one("dan"), one("ann", isInLobby=True))) == ["duplicate"]
    assert shelf.keep(whole()) == ["changed"]
    assert present(shelf) == []


def test_whole_roster_and_deltas_merge_in_any_order(shelf: Shelf) -> None:
    shelf.keep(delta(4, one("dan")), whole(one("ann", 3), one("ben", 2)), delta(1, one("eve")))
    assert present(shelf) == ["ann", "ben", "dan"], "a delta at or below the whole roster adds nothing"
    shelf.keep(whole(one("ann", 5), one("dan", 4)), delta(6, left("ann")), delta(2, one("ben")))
    assert present(shelf) == ["dan"]


def test_participant_absent_from_whole_roster_has_left(shelf: Shelf) -> None:
    shelf.keep(whole(one("ann", 1), left("ben", 2)))
    assert present(shelf) == ["ann"]


def test_single_participant_is_ordered_by_its_own_number(shelf: Shelf) -> None:
    shelf.keep(whole(one("ann", 5), one("ben", 2)))
    assert (
        shelf.keep(delta(None, one("ann", 4, isMuted=True)), delta(None, left("ann", 4))) == ["duplicate"] * 2
    )
    shelf.keep(delta(None, left("ben", 2)))
    assert present(shelf) == ["ann"], "the number of the last change before it left"
    assert shelf.keep(whole(one("ann", 5), one("ben", 2)), delta(2, one("ben", 2))) == ["duplicate"] * 2
    shelf.keep(delta(None, one("ben", 6)))
    assert sorted(present(shelf)) == ["ann", "ben"]


def test_unnumbered_update_that_arrives_last_wins(shelf: Shelf) -> None:
    shelf.keep(delta(5, one("ann"), one("ben")), delta(None, left("ann")))
    assert present(shelf) == ["ben"]
    shelf.keep(delta(4, one("ann")))
    assert present(shelf) == ["ben"], "a numbered older update stays older"
    shelf.keep(delta(None, one("ann")))
    assert sorted(present(shelf)) == ["ann", "ben"]


def test_first_delta_after_an_unnumbered_roster_counts(shelf: Shelf) -> None:
    shelf.keep(whole(one("ann")), delta(0, one("ben")), delta(1, left("ann")))
    assert present(shelf) == ["ben"]


def test_participants_without_an_id_differ_by_identity(shelf: Shelf) -> None:
    nameless: list[dict[str, object]] = [
        {"id": None, "info": {"identity": {"user": {"id": name}}}} for name in ("ann", "ben")
    ]
    shelf.keep(whole(*nameless, nameless[0]))
    record, _ = shelf.reader.call(CALL)
    assert record is not None
    assert json.loads(record.roster or "") == [*nameless, nameless[0]]
    shelf.keep(delta(1, {**nameless[0], "removedState": {}}))
    assert shelf.keep(delta(1, {**nameless[0], "removedState": {}})) == ["duplicate"]


@pytest.mark.parametrize(
    "text", ['"a\\nb"', '"x" "y"', "\u2028", '{"deep": [1.50, {}, []]}', "123456789012345678901"]
)
def test_participant_is_stored_byte_for_byte(shelf: Shelf, text: str) -> None:
    participant = one("id\n1", extra=text, empty={}, none=[])
    shelf.keep(whole(participant), delta(1, one("b", extra=text)))
    record, _ = shelf.reader.call(CALL)
    assert record is not None
    assert json.loads(record.roster or "") == [participant, one("b", extra=text)]


def test_new_call_has_nothing_of_a_deleted_one(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(whole(one("ann")))
    store.client.delete(f"receiver:{{0}}:call:{CALL}")  # as 0.1.0 deletes a call
    shelf.keep(delta(1, one("ben")))
    assert present(shelf) == ["ben"]


def test_deleting_a_call_deletes_its_roster(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(whole(one("ann")), delta(9, left("ben")))
    assert shelf.eraser.delete_call(CALL, within=2)
    assert not [key for key in store.client.scan_iter() if b"roster" in key or b"call" in key]


def test_roster_expires_with_its_call(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(whole(one("ann")))
    store.client.expire(f"receiver:{{0}}:roster:{CALL}", 9)
    shelf.keep(call("terminated"))
    assert store.client.ttl(f"receiver:{{0}}:roster:{CALL}") == store.client.ttl(
        f"receiver:{{0}}:call:{CALL}"
    )


# What 0.1.0 wrote, or still writes beside this version.


def written_by_0_1_0(store: StoreServer, roster: list[dict[str, object]]) -> None:
    """Write a roster as the script of 0.1.0 does: into the record, whatever else it holds."""
    key = f"receiver:{{0}}:call:{CALL}"
    record = json.loads(store.value(key))
    store.client.set(key, json.dumps({**record, "roster": json.dumps(roster)}), keepttl=True)


def test_roster_of_0_1_0_is_read_and_changed(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(call())
    written_by_0_1_0(store, [one("ann"), one("ben")])
    assert present(shelf) == ["ann", "ben"]
    assert shelf.keep(delta(1, left("ann"), one("dan"))) == ["changed"]
    assert present(shelf) == ["ben", "dan"]
    shelf.keep(whole(one("eve", 2)))
    assert present(shelf) == ["eve"]


def test_delta_that_0_1_0_stored_as_a_roster_is_read(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(call())
    wrapper = {
        "@odata.type": "#microsoft.graph.deltaParticipants",
        "participants": [one("ann")],
        "sequenceNumber": 1,
    }
    written_by_0_1_0(store, [wrapper])
    shelf.keep(delta(2, one("ben")))
    assert present(shelf) == ["ann", "ben"]


def test_roster_that_0_1_0_writes_later_counts(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(delta(1, one("ann")))
    written_by_0_1_0(store, [one("ben")])
    assert present(shelf) == ["ben"]
    shelf.keep(delta(2, one("dan")))
    assert present(shelf) == ["ben", "dan"]
    written_by_0_1_0(store, [one("eve")])
    assert present(shelf) == ["eve"]
    shelf.keep(whole(one("fay")))
    assert present(shelf) == ["fay"]


# A thousand.


def test_rosters_of_thousands_are_merged_and_read(every_shelf: Shelf) -> None:
    people = [one(f"p{number}", number, padding="x" * 1000) for number in range(1, 3001)]
    shelf = every_shelf
    assert shelf.keep(whole(*people), delta(3001, *(left(f"p{number}") for number in range(1, 1001)))) == [
        "new",
        "changed",
    ]
    assert present(shelf) == [f"p{number}" for number in range(1001, 3001)]
    assert (
        shelf.keep(*(delta(4000 + number, one(f"q{number}")) for number in range(250))) == ["changed"] * 250
    )
    assert len(present(shelf)) == 2250


# The property: whatever is sent, in whatever order and how often, gives the roster of the end.

_NAMES = ["ann", "ben", "dan"]


@st.composite
def _history(draw: st.DrawFn) -> tuple[list[RosterUpdate | RosterDelta], set[str], dict[str, bool]]:
    """Draw the life of a call: the updates sent, and the participants in it at the end, muted or not.

    The receiver's own participant changes with every step, so that every whole roster has a number of its own.
    """
    muted: dict[str, bool] = {}
    changed: dict[str, int] = {}
    sent: list[RosterUpdate | RosterDelta] = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        name = draw(st.sampled_from(_NAMES))
        has_left = name in muted and draw(st.booleans())
        is_single = draw(st.booleans())
        if has_left:
            del muted[name]
            # A single participant that is deleted has the number of its last change, which may be its leaving.
            update = left(name, changed[name] if is_single and draw(st.booleans()) else number)
        else:
            muted[name] = draw(st.booleans())
            update = one(name, number, isMuted=muted[name])
            changed[name] = number
        changed["me"] = number
        me = one("me", number)
        sent += [delta(None, update), delta(number, me)] if is_single else [delta(number, update, me)]
        if draw(st.booleans()):
            others = [one(name, changed[name], isMuted=value) for name, value in muted.items()]
            sent.append(whole(me, *others))
    again = draw(st.lists(st.sampled_from(sent), max_size=3))
    return draw(st.permutations([*sent, *again])), {"me", *muted}, muted


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=_history(), data=st.data())
def test_rosters_in_any_order_give_the_same_roster(
    every_store: StoreServer,
    every_shelf: Shelf,
    history: tuple[list[RosterUpdate | RosterDelta], set[str], dict[str, bool]],
    data: st.DataObject,
) -> None:
    sent, names, muted = history
    every_store.client.flushall()
    batch = data.draw(st.integers(1, len(sent)))
    for start in range(0, len(sent), batch):
        every_shelf.keep(*sent[start : start + batch])
    record, _ = every_shelf.reader.call(CALL)
    assert record is not None
    shown = {str(found["id"]): found for found in json.loads(record.roster or "")}
    assert shown.keys() == names
    assert {name: shown[name]["isMuted"] for name in muted} == muted
