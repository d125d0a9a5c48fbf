"""What is said of a quarantined item: a sentence for each reason, and nothing of the item but masked shapes."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import receiver
from receiver.graph.quarantine_summary import Summary, sentence, summarize
from tests.graph.test_json import VALUES
from tests.support.notifications import CALL, item, operation, roster

ROOT = Path(receiver.__file__).parent
MASKED = "/communications/calls/{id}/operations/{id}"


@pytest.mark.parametrize(
    ("reason", "said"),
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
def test_a_reason_is_said_in_a_sentence_that_names_the_member(reason: str, said: str) -> None:
    assert sentence(reason) == said


def reasons() -> set[str]:
    """The texts in the source that say why an item is quarantined."""
    found = set()
    for path in [*ROOT.glob("graph/*.py"), *ROOT.glob("web/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {"UnreadableError": 0, "quarantined": 1, "Unreadable": 0, "unparsed": 1}.get(
                    node.func.id
                )
                text = node.args[place] if place is not None else None
                if isinstance(text, ast.Constant):
                    found.add(str(text.value))
    return found


def test_every_reason_in_the_source_has_a_sentence() -> None:
    assert len(reasons()) >= 7
    for reason in reasons():
        assert not sentence(reason).startswith("It can't be read:"), reason


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
def test_an_item_is_summarized_with_what_can_be_done(broken: Any, summary: Summary) -> None:
    assert summarize(broken, "callback", is_whole=True) == summary
    assert not summarize(broken, "callback", is_whole=False).is_replayable


@pytest.mark.parametrize(
    ("broken", "is_replayable"),
    [
        ({"subscriptionId": 5, "resource": f"communications/calls/{CALL}"}, True),
        ({"resource": "users/1"}, False),
    ],
)
def test_a_change_notification_needs_a_subscription(broken: Any, is_replayable: bool) -> None:
    assert summarize(broken, "notifications", is_whole=True).is_replayable == is_replayable


@given(VALUES)
def test_anything_can_be_summarized(value: Any) -> None:
    for whole in (value, {"resourceUrl": value, "resourceData": value}, {"resource": value, "value": value}):
        assert isinstance(summarize(whole, "callback", is_whole=True), Summary)
