"""Compare what was answered 202 with what is stored: the row of a fault in the table."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode

from tests.faults.load import Load
from tests.faults.scenarios import PARTICIPANT, ROSTER, STATES, Kind, Scenario
from tests.support.service import READ, WRITE, Service

IN_TIME: Final = 2.5
"""Seconds within which every request is answered; on a busy machine more is not a defect of the receiver."""


@dataclass(frozen=True)
class Row:
    """The result of a fault: counts of notifications by outcome.

    Args:
        sent: all notifications.
        accepted: notifications answered 202.
        found: accepted notifications that are stored afterwards.
        wrong: records with another content or a wrong count, and unexpected responses.
        refused: notifications answered 503.
        cut: notifications without a response: the connection broke.
        slowest: seconds until the slowest response.
        effect: the observed effect of the fault; empty if it did no harm, so that the row proves nothing.
        may_be: allowed responses other than 202: 503, or None for a broken connection.
    """

    name: str
    sent: int
    accepted: int
    found: int
    wrong: int
    refused: int
    cut: int
    slowest: float
    effect: str
    may_be: Collection[int | None]

    @property
    def defects(self) -> list[str]:
        """Results that are wrong on any machine."""
        trouble = {
            "nothing was accepted": not self.accepted,
            "not all is found": self.accepted != self.found,
            "something is wrong": self.wrong,
            "the fault had no effect": not self.effect,
            "something was refused": self.refused and 503 not in self.may_be,
            "connections broke": self.cut and None not in self.may_be,
        }
        return [what for what, is_so in trouble.items() if is_so]

    @property
    def missed(self) -> list[str]:
        """The targets that were missed."""
        return [f"{self.slowest:.2f} s > {IN_TIME} s"] if self.slowest > IN_TIME else []


def account(
    name: str, load: Load, service: Service, *, effect: str, may_be: Collection[int | None] = ()
) -> Row:
    """Compare the responses to a load with what the service returns now."""
    stored = _Stored.by(service)
    answers = Counter(answer for scenario in load.scenarios for _, answer in scenario.posts)
    ends = [stored.check(scenario) for scenario in load.scenarios if scenario.posts]
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
        effect=effect,
        may_be=may_be,
    )


@dataclass(frozen=True)
class _Stored:
    """What a receiver returns; calls are requested one by one, since no route lists them."""

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

    def check(self, scenario: Scenario) -> tuple[int, bool]:
        """Return how many accepted notifications of a scenario are stored, and whether the record is right."""
        match scenario.kind:
            case Kind.OPERATION:
                return _check_operation(scenario, self.operations.get(scenario.name))
            case Kind.CALL:
                answer = self.service.get(f"/calls/{scenario.call_id}")
                return _check_call(scenario, answer.json if answer.status == 200 else None)
            case Kind.CHANGE:
                return _check_entry(scenario, self.changes[scenario.name])
            case Kind.UNREADABLE:
                return _check_entry(scenario, self.unreadable[scenario.name])


def _check_operation(scenario: Scenario, record: dict[str, Any] | None) -> tuple[int, bool]:
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
    return _found(scenario, record, seen), is_right and _is_counted(scenario, record, seen)


def _check_call(scenario: Scenario, record: dict[str, Any] | None) -> tuple[int, bool]:
    if record is None:
        return 0, True
    states = [step["state"] for step in record["timeline"]]
    seen = [*states, *([ROSTER] if record["roster"] else [])]
    is_right = (
        record["state"] == max(states, key=STATES.index, default=None)
        and record["ended"] == ("terminated" in states)
        and all(PARTICIPANT.items() <= one.items() for one in record["roster"] or ())
    )
    return _found(scenario, record, seen), is_right and _is_counted(scenario, record, seen)


def _check_entry(scenario: Scenario, number: int) -> tuple[int, bool]:
    return min(number, len(scenario.accepted)), number <= len(scenario.sent)


def _found(scenario: Scenario, record: dict[str, Any], seen: list[str]) -> int:
    """Return how many of the accepted notifications a record contains."""
    merged = sum(items in seen for items in scenario.accepted)
    return min(merged, int(record["notifications"]))


def _is_counted(scenario: Scenario, record: dict[str, Any], seen: list[str]) -> bool:
    """Return whether a record has only what was sent, and counts each accepted notification once."""
    return (
        set(seen) <= set(scenario.sent)
        and len(scenario.accepted) <= record["notifications"] <= len(scenario.sent)
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
