"""What was answered 202 against what is in the store: the row of a fault in the table."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.faults.load import Load, Story
from tests.service import Service


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
    """

    fault: str
    sent: int
    accepted: int
    found: int
    wrong: int
    refused: int
    cut: int
    slowest: float

    @property
    def is_good(self) -> bool:
        return self.accepted == self.found and not self.wrong and self.accepted > 0


def account(fault: str, load: Load, service: Service) -> Row:
    """Compare what a load was answered with what the service tells now."""
    records = {record["clientContext"]: record for record in _all(service, "operations")}
    changes = Counter(change["notification"]["resource"] for change in _all(service, "notifications"))
    answers = Counter(answer for story in load.stories for _, answer in story.posts)
    found = wrong = 0
    for story in load.stories:
        if story.is_change:
            found += min(changes[story.name], len(story.accepted))
            wrong += changes[story.name] > 1
        elif record := records.get(story.name):
            found += _found(story, record)
            wrong += not _is_right(story, record)
    return Row(
        fault=fault,
        sent=answers.total(),
        accepted=answers[202],
        found=found,
        wrong=wrong + answers.total() - answers[202] - answers[503] - answers[None],
        refused=answers[503],
        cut=answers[None],
        slowest=load.slowest,
    )


def _found(story: Story, record: dict[str, Any]) -> int:
    """Return how many of the accepted notifications a record has taken in."""
    seen = {step["status"] for step in record["timeline"]}
    taken_in = sum(status in seen for status in story.accepted)
    return min(taken_in, record["notifications"])


def _is_right(story: Story, record: dict[str, Any]) -> bool:
    """Tell whether a record holds what was sent, and has counted all that was accepted, and nothing twice."""
    seen = [step["status"] for step in record["timeline"]]
    final = next((status for status in seen if status != "running"), "running")
    code = (record["operation"].get("resultInfo") or {}).get("code")
    return (
        set(seen) <= set(story.sent)
        and record["status"] == final
        and code == {"completed": 200, "failed": 408}.get(final)
        and record["conflict"] is None
        and len(story.accepted) <= record["notifications"] <= len(story.sent)
        and record["duplicates"] == record["notifications"] - len(seen)
    )


def _all(service: Service, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"limit": "200"}
    while True:
        page = service.get(f"/{what}?{urlencode(query)}")
        assert page.status == 200, page.body
        found += page.json[what]
        if page.json["next"] is None:
            return found
        query["cursor"] = page.json["next"]
