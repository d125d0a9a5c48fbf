"""Summaries of quarantined items: a sentence for each reason, and masked addresses."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import receiver
from receiver.graph.quarantine_summary import Summary, explain_reason, summarize
from tests.support.notifications import CALL, item, operation, roster
from tests.support.odd_notifications import VALUES

ROOT = Path(receiver.__file__).parent
MASKED = "/communications/calls/{id}/operations/{id}"


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("resultInfo: Invalid input type.", "The member `resultInfo` must be an object."),
        ("resultInfo.code: Not a whole number.", "The member `resultInfo.code` must be a whole number."),
        (
            "clientContext: Longer than 256 characters.; id: Not a valid string.",
            "The member `clientContext` must have at most 256 characters. The member `id` must be a string.",
        ),
        ("resultInfo: not of its type", "The member `resultInfo` must be of the type that Graph documents."),
        ("id: Odd.", "The member `id`: Odd."),
        ("a reason of a later version", "It can't be read: a reason of a later version."),
    ],
)
def test_reason_is_explained_with_the_members_name(reason: str, sentence: str) -> None:
    assert explain_reason(reason) == sentence


def reasons() -> set[str]:
    """Return the reasons for the quarantine in the source."""
    found = set()
    for path in [*ROOT.glob("graph/*.py"), *ROOT.glob("web/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {
                    "UnreadableError": 0,
                    "quarantine_item": 1,
                    "Unreadable": 0,
                    "quarantine_body": 1,
                }.get(node.func.id)
                text = node.args[place] if place is not None else None
                if isinstance(text, ast.Constant):
                    found.add(str(text.value))
    return found


def test_every_reason_in_the_source_has_a_sentence() -> None:
    assert len(reasons()) >= 7
    for reason in reasons():
        assert not explain_reason(reason).startswith("It can't be read:"), reason


@pytest.mark.parametrize(
    ("broken", "summary"),
    [
        (operation(resultInfo="x"), Summary(MASKED, "inviteParticipantsOperation", is_replayable=True)),
        (
            roster() | {"resourceData": [5]},
            Summary("/communications/calls/{id}/participants", "", is_replayable=True),
        ),
        (
            item("/users/Ann", {"@odata.type": "Ann Example"}),
            Summary("/users/{id}", "[redacted]", is_replayable=True),
        ),
        ({"value": []}, Summary("", "", is_replayable=True)),
        ({"value": operation()}, Summary("", "", is_replayable=False)),
        (
            {**operation(), "subscriptionId": "s"},
            Summary(MASKED, "inviteParticipantsOperation", is_replayable=False),
        ),
        ({"foo": 1}, Summary("", "", is_replayable=False)),
        ([operation()], Summary("", "", is_replayable=False)),
        ("text", Summary("", "", is_replayable=False)),
        (None, Summary("", "", is_replayable=False)),
    ],
)
def test_summary_has_address_type_and_replayability(broken: Any, summary: Summary) -> None:
    assert summarize(broken, "callback", is_whole=True) == summary
    assert not summarize(broken, "callback", is_whole=False).is_replayable


@pytest.mark.parametrize(
    ("broken", "is_replayable"),
    [
        ({"subscriptionId": 5, "resource": f"communications/calls/{CALL}"}, True),
        ({"resource": "users/1"}, False),
    ],
)
def test_change_without_subscription_is_not_replayable(broken: Any, is_replayable: bool) -> None:
    assert summarize(broken, "notifications", is_whole=True).is_replayable == is_replayable


@given(VALUES)
def test_any_value_is_summarized(value: Any) -> None:
    for whole in (value, {"resourceUrl": value, "resourceData": value}, {"resource": value, "value": value}):
        assert isinstance(summarize(whole, "callback", is_whole=True), Summary)
