"""Notifications that are sent during a fault: of all kinds, some twice or late, and unreadable ones."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from tests.support.notifications import item, operation
from tests.support.service import CLIENT_STATE

ROSTER: Final = "roster"
"""A roster, as an entry among the states of a call."""

STATES: Final = ("establishing", "established", "terminated")
"""The states of a call, in order."""

PARTICIPANT: Final = {"id": "a participant", "isMuted": False}


class Kind(Enum):
    """The kind of a scenario's notifications; each is verified in its own way."""

    OPERATION = auto()
    CALL = auto()
    CHANGE = auto()
    UNREADABLE = auto()


_ROUND: Final = (
    (Kind.OPERATION, ("running", "completed")),
    (Kind.OPERATION, ("running", "completed", "completed")),
    (Kind.CALL, ("establishing", ROSTER, "established", "terminated")),
    (Kind.OPERATION, ("completed", "running")),
    (Kind.OPERATION, ("running", "failed")),
    (Kind.CHANGE, ("updated",)),
)

SCENARIOS: Final = (*_ROUND, *_ROUND, (Kind.UNREADABLE, ("unreadable",)))
"""The items of each scenario. Few are unreadable: the quarantine has the newest 1,000 only."""


@dataclass
class Scenario:
    """The notifications of one operation or call, or another one, and the status of each post (None: no response)."""

    kind: Kind
    name: str
    posts: list[tuple[str, int | None]] = field(default_factory=list)

    @property
    def sent(self) -> list[str]:
        return [items for items, _ in self.posts]

    @property
    def accepted(self) -> list[str]:
        return [items for items, answer in self.posts if answer == 202]

    @property
    def call_id(self) -> str:
        return str(uuid5(NAMESPACE_URL, self.name))

    def request(self, items: str) -> tuple[str, dict[str, Any]]:
        """Return the path and the item of a notification."""
        match self.kind:
            case Kind.OPERATION:
                return "/callback", _operation(self.name, items)
            case Kind.CALL:
                return "/callback", _call(self.call_id, items)
            case Kind.CHANGE:
                return "/notifications", _change(self.name, items)
            case Kind.UNREADABLE:
                return "/callback", operation(cc=self.name, op=self.name, resultInfo="no object")


def _operation(name: str, status: str) -> dict[str, Any]:
    result = None if status == "running" else {"code": 200 if status == "completed" else 408}
    return operation(cc=name, op=name, status=status, resultInfo=result)


def _call(call_id: str, items: str) -> dict[str, Any]:
    address = f"/communications/calls/{call_id}"
    if items == ROSTER:
        return item(
            f"{address}/participants", [{"@odata.type": "#microsoft.graph.participant", **PARTICIPANT}]
        )
    return item(address, {"@odata.type": "#microsoft.graph.call", "state": items}, "updated")


def _change(name: str, change_type: str) -> dict[str, Any]:
    return {"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": change_type, "resource": name}
