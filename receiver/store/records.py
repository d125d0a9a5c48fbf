"""What the store holds, as values: records of operations and calls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import orjson

from receiver.graph.statuses import is_done
from receiver.graph.updates import Members
from receiver.store.roster_values import roster_text
from receiver.store.stored_values import (
    count_of,
    json_text,
    members,
    ranked_members,
    text_of,
    time_of,
    times_of,
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A second, different result: its status, when it came (ms since 1970), and its members."""

    status: str
    at: int
    members: Members

    @classmethod
    def parse(cls, held: dict[str, Any]) -> Self:
        """Read a conflict out of a record."""
        return cls(text_of(held, "status"), time_of(held, "at"), members(held, "members"))


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
        numbered: when it got its number; later than `first_seen`, where its first update waited in a spool.
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
    numbered: int = 0

    @property
    def done(self) -> bool:
        """The operation has its result."""
        return is_done(self.status)

    @classmethod
    def parse(cls, number: int, text: bytes, others: int | None = None) -> Self:
        """Read a record as `merge.lua` writes it.

        Raises:
            UNREADABLE: another version or another program wrote it.
        """
        held: dict[str, Any] = orjson.loads(text)
        conflict, due = held.get("conflict"), held.get("due")
        return cls(
            number=number,
            client_context=text_of(held, "cc"),
            call_id=text_of(held, "call"),
            operation_id=text_of(held, "op"),
            tenant_id=text_of(held, "tenant"),
            type=text_of(held, "type"),
            status=text_of(held, "status"),
            members=ranked_members(held, "members"),
            times=times_of(held, "times"),
            first_seen=time_of(held, "first"),
            updated=time_of(held, "updated"),
            revision=count_of(held, "rev"),
            notifications=count_of(held, "news"),
            duplicates=count_of(held, "dups"),
            conflict=None if conflict is None else Conflict.parse(conflict),
            due=None if due is None else time_of(held, "due"),
            overdue=held.get("overdue") is True,
            others=others,
            numbered=time_of(held, "made" if "made" in held else "first"),
        )


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as merged so far.

    Args:
        state: the last one.
        roster: the participants in the call, as a JSON array; None where no roster has arrived.
        tones: the last ones, in their order, each as JSON text.
        participant_notifications: of participants that join or have left, in the order of arrival, as JSON texts.
    """

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
    tones: tuple[str, ...] = ()
    participant_notifications: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: bytes, roster: Sequence[bytes] = (), notifications: Sequence[bytes] = ()) -> Self:
        """Read a record as `merge.lua` writes it, with what `call.lua` returns beside it.

        Raises:
            UNREADABLE: another version or another program wrote it.
        """
        held: dict[str, Any] = orjson.loads(text)
        return cls(
            call_id=text_of(held, "call"),
            tenant_id=text_of(held, "tenant"),
            state=text_of(held, "status"),
            members=ranked_members(held, "members"),
            roster=roster_text(held.get("people"), held.get("roster"), roster),
            times=times_of(held, "times"),
            first_seen=time_of(held, "first"),
            updated=time_of(held, "updated"),
            revision=count_of(held, "rev"),
            notifications=count_of(held, "news"),
            duplicates=count_of(held, "dups"),
            tones=tuple(json_text(tone) for _number, tone in held.get("tones", ())),
            participant_notifications=tuple(json_text(text.decode()) for text in notifications),
        )

    def with_tone(self, tone: str) -> Self:
        """Return the record with a tone, given as JSON text, as that of its last notification."""
        return replace(self, members={**self.members, "toneInfo": json_text(tone)})
