"""What was answered 202 against what is in the store: the row of a fault in the table."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode

from tests.faults.load import Load
from tests.faults.stories import PARTICIPANT, ROSTER, STATES, Kind, Story
from tests.support.service import READ, WRITE, Service

IN_TIME: Final = 2.5
"""Seconds in which everything is answered; a busy machine may be later, which is no defect of the receiver."""


@dataclass(frozen=True)
class Row:
    """How many notifications met which end.

    Args:
        sent: all of them.
        accepted: answered 202.
        found: of these, those that are in the store afterwards.
        wrong: records that are not what was sent, or count something twice; and answers that are no answers.
        refused: answered 503.
        cut: not answered: the connection broke.
        slowest: seconds until the last answer.
        shown: how the fault showed; nothing, where it did no harm, and the row tells nothing.
        may_be: what else may be answered than 202: 503, or None where a connection may break.
    """

    name: str
    sent: int
    accepted: int
    found: int
    wrong: int
    refused: int
    cut: int
    slowest: float
    shown: str
    may_be: Collection[int | None]

    @property
    def defects(self) -> list[str]:
        """What must not be, on any machine."""
        trouble = {
            "nothing was accepted": not self.accepted,
            "not all is found": self.accepted != self.found,
            "something is wrong": self.wrong,
            "the fault did not show": not self.shown,
            "something was refused": self.refused and 503 not in self.may_be,
            "connections broke": self.cut and None not in self.may_be,
        }
        return [what for what, is_so in trouble.items() if is_so]

    @property
    def missed(self) -> list[str]:
        """The targets that were missed."""
        return [f"{self.slowest:.2f} s > {IN_TIME} s"] if self.slowest > IN_TIME else []


def account(
    name: str, load: Load, service: Service, *, shown: str, may_be: Collection[int | None] = ()
) -> Row:
    """Compare what a load was answered with what the service tells now."""
    held = _Held.by(service)
    answers = Counter(answer for story in load.stories for _, answer in story.posts)
    ends = [held.end_of(story) for story in load.stories if story.posts]
    return Row(
        name=name,
        sent=answers.total(),
        accepted=answers[202],
        found=sum(found for found, _ in ends),
        wrong=sum(not is_right for _, is_right in ends)
        + answers.total()
        - answers[202]
        - answers[503]
        - answers[None],
        refused=answers[503],
        cut=answers[None],
        slowest=load.slowest,
        shown=shown,
        may_be=may_be,
    )


@dataclass(frozen=True)
class _Held:
    """What a receiver tells; calls are asked for one by one, since nothing lists them."""

    service: Service
    operations: Mapping[str, dict[str, Any]]
    changes: Counter[str]
    unreadable: Counter[str]

    @classmethod
    def by(cls, service: Service) -> Self:
        operations, changes = _all(service, "operations"), _all(service, "notifications")
        unreadable = _all(service, "quarantine", "items", key=WRITE)
        return cls(
            service=service,
            operations={record["clientContext"]: record for record in operations},
            changes=Counter(change["notification"]["resource"] for change in changes),
            unreadable=Counter(entry["item"]["resourceData"]["clientContext"] for entry in unreadable),
        )

    def end_of(self, story: Story) -> tuple[int, bool]:
        """Return how many of the accepted notifications of a story are there, and whether what is there is right."""
        match story.kind:
            case Kind.OPERATION:
                return _end_of_operation(story, self.operations.get(story.name))
            case Kind.CALL:
                answer = self.service.get(f"/calls/{story.call_id}")
                return _end_of_call(story, answer.json if answer.status == 200 else None)
            case Kind.CHANGE:
                return _end_of_entry(story, self.changes[story.name])
            case Kind.UNREADABLE:
                return _end_of_entry(story, self.unreadable[story.name])


def _end_of_operation(story: Story, record: dict[str, Any] | None) -> tuple[int, bool]:
    if record is None:
        return 0, True
    seen = [step["status"] for step in record["timeline"]]
    final = next((status for status in seen if status != "running"), "running")
    code = (record["operation"].get("resultInfo") or {}).get("code")
    is_right = (
        record["status"] == final
        and code == {"completed": 200, "failed": 408}.get(final)
        and record["conflict"] is None
    )
    return _found(story, record, seen), is_right and _is_counted(story, record, seen)


def _end_of_call(story: Story, record: dict[str, Any] | None) -> tuple[int, bool]:
    if record is None:
        return 0, True
    states = [step["state"] for step in record["timeline"]]
    seen = [*states, *([ROSTER] if record["roster"] else [])]
    is_right = (
        record["state"] == max(states, key=STATES.index, default=None)
        and record["ended"] == ("terminated" in states)
        and all(PARTICIPANT.items() <= one.items() for one in record["roster"] or ())
    )
    return _found(story, record, seen), is_right and _is_counted(story, record, seen)


def _end_of_entry(story: Story, number: int) -> tuple[int, bool]:
    return min(number, len(story.accepted)), number <= len(story.sent)


def _found(story: Story, record: dict[str, Any], seen: list[str]) -> int:
    """Return how many of the accepted notifications a record has taken in."""
    taken_in = sum(items in seen for items in story.accepted)
    return min(taken_in, int(record["notifications"]))


def _is_counted(story: Story, record: dict[str, Any], seen: list[str]) -> bool:
    """Tell whether a record has seen only what was sent, and has counted all that was accepted, and nothing twice."""
    return (
        set(seen) <= set(story.sent)
        and len(story.accepted) <= record["notifications"] <= len(story.sent)
        and record["duplicates"] == record["notifications"] - len(seen)
    )


def _all(service: Service, what: str, name: str = "", *, key: str = READ) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"limit": "200"}
    while True:
        page = service.get(f"/{what}?{urlencode(query)}", key=key)
        assert page.status == 200, page.body
        found += page.json[name or what]
        if page.json["next"] is None:
            return found
        query["cursor"] = page.json["next"]
