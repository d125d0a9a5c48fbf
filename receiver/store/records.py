"""What the store holds, as values: records of operations and calls."""

from dataclasses import dataclass
from typing import Any, Self

import orjson

from receiver.graph.statuses import is_done
from receiver.graph.updates import Members


@dataclass(frozen=True, slots=True)
class Conflict:
    """A second, different result: its status, when it came (ms since 1970), and its members."""

    status: str
    at: int
    members: Members


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """An operation as merged so far; what is not known is empty, times are in ms since 1970.

    Args:
        number: the record's own, given in the order of first news.
        times: when each status was first seen.
        revision: how often it has changed.
        notifications: how many notifications came, duplicates included.
        due: when its result is to be there; None where it is.
        overdue: that time has passed, and it has been told.
        others: how many other records its client context has; None where that was not asked.
    """

    number: int
    client_context: str
    call_id: str
    operation_id: str
    tenant_id: str
    type: str
    status: str
    members: Members
    times: dict[str, int]
    first_seen: int
    updated: int
    revision: int
    notifications: int
    duplicates: int
    conflict: Conflict | None
    due: int | None = None
    overdue: bool = False
    others: int | None = None

    @property
    def done(self) -> bool:
        """The operation has its result."""
        return is_done(self.status)

    @classmethod
    def parse(cls, number: int, text: bytes, others: int | None = None) -> Self:
        """Read a record as `merge.lua` writes it."""
        held: dict[str, Any] = orjson.loads(text)
        conflict = held.get("conflict")
        return cls(
            number=number,
            client_context=held["cc"],
            call_id=held["call"],
            operation_id=held["op"],
            tenant_id=held["tenant"],
            type=held["type"],
            status=held["status"],
            members=_texts(held["members"]),
            times=held["times"],
            first_seen=held["first"],
            updated=held["updated"],
            revision=held["rev"],
            notifications=held["news"],
            duplicates=held["dups"],
            conflict=Conflict(conflict["status"], conflict["at"], conflict["members"]) if conflict else None,
            due=held.get("due"),
            overdue=held.get("overdue", False),
            others=others,
        )


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as merged so far: its last state, its members, and its roster as JSON text (None: none came)."""

    call_id: str
    tenant_id: str
    state: str
    members: Members
    roster: str | None
    times: dict[str, int]
    first_seen: int
    updated: int
    revision: int
    notifications: int
    duplicates: int

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a record as `merge.lua` writes it."""
        held: dict[str, Any] = orjson.loads(text)
        return cls(
            call_id=held["call"],
            tenant_id=held["tenant"],
            state=held["status"],
            members=_texts(held["members"]),
            roster=held.get("roster"),
            times=held["times"],
            first_seen=held["first"],
            updated=held["updated"],
            revision=held["rev"],
            notifications=held["news"],
            duplicates=held["dups"],
        )


def _texts(members: dict[str, tuple[int, str]]) -> Members:
    return {name: text for name, (_rank, text) in members.items()}
