"""Rosters, deltas, single participants and participant notifications."""

import json
from typing import Any

import pytest

from receiver.graph.sequence_numbers import sequence, sortable
from receiver.graph.updates import ParticipantNotification, RosterDelta, RosterUpdate, Update
from tests.support.graph_reading import TENANT, read, read_unreadable
from tests.support.notifications import CALL, JOINING, delta, item, roster

ROSTER = f"/communications/calls/{CALL}/participants"


def update_of(sent: Any) -> Update:
    [update] = read(sent).updates
    return update


def delta_of(sent: Any) -> tuple[int | None, list[Any]]:
    update = update_of(sent)
    assert isinstance(update, RosterDelta)
    assert (update.call_id, update.tenant_id) == (CALL, TENANT)
    return update.sequence, json.loads(update.participants)


def test_delta_may_be_an_array_or_an_object() -> None:
    in_array = delta(7, {"id": "a"})
    [wrapper] = in_array["resourceData"]
    assert delta_of(in_array) == (7, wrapper["participants"])
    assert delta_of({**in_array, "resourceData": wrapper}) == delta_of(in_array)


@pytest.mark.parametrize("kind", ["microsoft.graph.DeltaParticipants", "deltaParticipants", None])
def test_delta_is_recognised_by_type_or_members(kind: str | None) -> None:
    sent = delta(7, {"id": "a"})
    [wrapper] = sent["resourceData"]
    wrapper["@odata.type"] = kind
    assert delta_of(sent)[0] == 7


def test_several_deltas_in_one_array_are_parsed() -> None:
    sent = delta(7, {"id": "a"})
    sent["resourceData"] += delta(8, {"id": "b"})["resourceData"]
    assert [update.sequence for update in read(sent).updates if isinstance(update, RosterDelta)] == [7, 8]


@pytest.mark.parametrize(
    ("number", "read_as"),
    [
        ("12", 12),
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (-1, None),
        (1.5, None),
        (True, None),
        ("x", None),
    ],
)
def test_sequence_number_is_an_integer_of_64_bits(number: Any, read_as: int | None) -> None:
    assert sequence(number) == read_as
    assert delta_of(delta(number, {"id": "a"}))[0] == read_as


def test_sequence_numbers_sort_as_text() -> None:
    numbers = [0, 9, 10, 99, 2**53, 2**53 + 1, 2**63 - 1]
    assert sorted(map(sortable, numbers)) == [sortable(number) for number in numbers]
    assert sortable(None) < sortable(0)


def test_delta_without_participants_is_accepted() -> None:
    sent = delta(7)
    assert delta_of(sent) == (7, [])
    sent["resourceData"][0]["participants"] = None
    assert delta_of(sent) == (7, [])


@pytest.mark.parametrize("change_type", ["updated", "created", "Updated", None])
def test_single_participant_is_a_delta_of_one(change_type: Any) -> None:
    sent = item(f"{ROSTER}/P1", {"isMuted": True, "rosterSequenceNumber": "9"}, change_type)
    assert delta_of(sent) == (None, [{"id": "P1", "isMuted": True, "rosterSequenceNumber": 9}])


@pytest.mark.parametrize("resource", [None, [], {}, {"id": "P1"}, {"removedState": None}, [{"id": "P1"}]])
def test_deleted_participant_has_left(resource: Any) -> None:
    sent = item(f"/app/calls('{CALL}')/participants('P1')", resource, "Deleted")
    [(number, [one])] = [delta_of(sent)]
    assert (number, one["id"], one["removedState"]) == (None, "P1", {})


def test_deleted_participant_keeps_the_reason() -> None:
    reason = {"reason": "Removed from roster"}
    sent = item(f"{ROSTER}/P1", {"id": "P1", "removedState": reason}, "deleted")
    assert delta_of(sent) == (None, [{"id": "P1", "removedState": reason}])


def test_undashed_id_in_the_address_equals_a_dashed_one() -> None:
    undashed = CALL.replace("-", "").upper()
    assert delta_of(item(f"{ROSTER}/{undashed}", {"id": CALL}, "updated"))[1] == [{"id": CALL}]
    assert delta_of(item(f"{ROSTER}/{undashed}", {"id": undashed}, "updated"))[1] == [{"id": undashed}]


def test_whole_roster_is_whole_with_any_change_type() -> None:
    sent = roster({"id": "a", "rosterSequenceNumber": 3})
    for change_type in ("updated", "deleted", None):
        assert isinstance(update_of({**sent, "changeType": change_type}), RosterUpdate)


@pytest.mark.parametrize(
    ("url", "resource", "change_type"),
    [
        pytest.param(ROSTER, ["a"], "updated", id="a participant that is a text"),
        pytest.param(f"{ROSTER}/p", None, "updated", id="an updated participant that is nothing"),
        pytest.param(f"{ROSTER}/p", ["a"], "deleted", id="a deleted participant that is a text"),
        pytest.param("/communications", [{"@odata.type": "participant"}], "updated", id="no call"),
        pytest.param(
            ROSTER, {"@odata.type": "deltaParticipants", "participants": {}}, "updated", id="no list"
        ),
        pytest.param(
            ROSTER, {"@odata.type": "deltaParticipants", "participants": [5]}, "updated", id="a number"
        ),
    ],
)
def test_invalid_roster_is_quarantined(url: str, resource: Any, change_type: str) -> None:
    assert read_unreadable(item(url, resource, change_type)).reason


@pytest.mark.parametrize(
    "url",
    [f"/communications/calls/{CALL}", f"/app/calls/{CALL}/participants/p1", "", "/communications/calls"],
)
@pytest.mark.parametrize("kind", ["Joining", "Left"])
def test_participant_notification_is_kept_completely(url: str, kind: str) -> None:
    resource = {**JOINING, "@odata.type": f"#microsoft.graph.participant{kind}Notification"}
    update = update_of(item(url, resource, "created"))
    assert isinstance(update, ParticipantNotification)
    assert (update.call_id, json.loads(update.text)) == (CALL, resource)


def test_participant_notification_may_be_the_item() -> None:
    for sent in (JOINING, {**JOINING, "resourceUrl": f"/app/calls/{CALL}/participants/p1"}):
        update = update_of(sent)
        assert isinstance(update, ParticipantNotification)
        assert (update.call_id, json.loads(update.text)) == (CALL, sent)


def test_participant_notification_needs_a_call() -> None:
    assert "no call" in read_unreadable(item("", {**JOINING, "call": None}, "created")).reason
