"""Records of operations and calls, as typed values read from the store."""

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
    """A second, different result: its status, its arrival (ms since 1970), and its members."""

    status: str
    at: int
    members: Members

    @classmethod
    def parse(cls, stored: dict[str, Any]) -> Self:
        """Read a conflict from a record."""
        return cls(text_of(stored, "status"), time_of(stored, "at"), members(stored, "members"))


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """An operation record: what all updates so far have merged into. Unknown texts are empty, times are ms since 1970.

    Args:
        number: the record's number; numbers rise in the order of first updates.
        times: when each status was first seen.
        revision: the count of changes.
        notifications: how many notifications arrived, duplicates included.
        due: when the result is due; None once it is there.
        overdue: the result was due and has not come, and the feed has an entry for that.
        others: how many other records the client context has; None if that was not asked.
        numbered: when the record got its number; later than `first_seen` if its first update waited in a spool.
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
        """Whether the operation has its result."""
        return is_done(self.status)

    @classmethod
    def parse(cls, number: int, text: bytes, others: int | None = None) -> Self:
        """Read a record as `merge.lua` writes it.

        Raises:
            UNREADABLE: another version or another program wrote it.
        """
        stored: dict[str, Any] = orjson.loads(text)
        conflict, due = stored.get("conflict"), stored.get("due")
        return cls(
            number=number,
            client_context=text_of(stored, "cc"),
            call_id=text_of(stored, "call"),
            operation_id=text_of(stored, "op"),
            tenant_id=text_of(stored, "tenant"),
            type=text_of(stored, "type"),
            status=text_of(stored, "status"),
            members=ranked_members(stored, "members"),
            times=times_of(stored, "times"),
            first_seen=time_of(stored, "first"),
            updated=time_of(stored, "updated"),
            revision=count_of(stored, "rev"),
            notifications=count_of(stored, "news"),
            duplicates=count_of(stored, "dups"),
            conflict=None if conflict is None else Conflict.parse(conflict),
            due=None if due is None else time_of(stored, "due"),
            overdue=stored.get("overdue") is True,
            others=others,
            numbered=time_of(stored, "made" if "made" in stored else "first"),
        )


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call record: what all updates of a call so far have merged into. Times are ms since 1970.

    Args:
        state: the last state.
        roster: the participants in the call, as a JSON array; None if no roster has arrived.
        tones: the last tones, in the order of their numbers, each as JSON text.
        participant_notifications: the last notifications of participants that join or have left, in the order of
            arrival, each as JSON text.
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
        """Read a record as `merge.lua` writes it, with what `get_call.lua` returns beside it.

        Raises:
            UNREADABLE: another version or another program wrote it.
        """
        stored: dict[str, Any] = orjson.loads(text)
        return cls(
            call_id=text_of(stored, "call"),
            tenant_id=text_of(stored, "tenant"),
            state=text_of(stored, "status"),
            members=ranked_members(stored, "members"),
            roster=roster_text(stored.get("people"), stored.get("roster"), roster),
            times=times_of(stored, "times"),
            first_seen=time_of(stored, "first"),
            updated=time_of(stored, "updated"),
            revision=count_of(stored, "rev"),
            notifications=count_of(stored, "news"),
            duplicates=count_of(stored, "dups"),
            tones=tuple(json_text(tone) for _number, tone in stored.get("tones", ())),
            participant_notifications=tuple(json_text(text.decode()) for text in notifications),
        )

    def with_tone(self, tone: str) -> Self:
        """Return the record with one tone, given as JSON text, as its `toneInfo`."""
        return replace(self, members={**self.members, "toneInfo": json_text(tone)})
