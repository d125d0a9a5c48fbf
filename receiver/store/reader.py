"""Read operation and call records, lists of operations, and change notifications from the store."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

from receiver.store.keys import (
    call_key,
    call_operations_key,
    context_key,
    next_number_key,
    oldest_number_key,
    operation_key,
    overdue_key,
    stream_key,
)
from receiver.store.limits import RECORDS_PER_PAGE, RECORDS_PER_READ
from receiver.store.records import CallRecord, OperationRecord
from receiver.store.scripts import GET_CALL, GET_LATEST
from receiver.store.skipped_values import SkippedValues
from receiver.store.stored_values import json_text, milliseconds_of, number_of, object_text, text_of
from receiver.store.transport.store_client import Command, CommandSender

_WITHIN_SECONDS: Final = 2.0
"""How long a round trip may take, by default."""

_CLOCK_SKEW: Final = 300_000
"""How far the clocks of stores that replace each other may differ, in ms; 0.1.0 used the clocks of receivers."""


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """Conditions that listed operations fulfil; an empty one or None does not filter.

    Args:
        since: first seen at this time or later, ms since 1970.
        overdue: True for operations whose result was due and has not come, False for all others.
    """

    client_context: str = ""
    call_id: str = ""
    status: str = ""
    type: str = ""
    tenant_id: str = ""
    since: int | None = None
    overdue: bool | None = None

    def admits(self, record: OperationRecord) -> bool:
        """Return whether a record fulfils all conditions."""
        return (
            self.client_context in {"", record.client_context}
            and self.call_id in {"", record.call_id}
            and self.status.lower() in {"", record.status.lower()}
            and self.type.lower() in {"", record.type.lower()}
            and self.tenant_id in {"", record.tenant_id}
            and (self.since is None or record.first_seen >= self.since)
            and self.overdue in {None, record.overdue}
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A page of operations, newest first, and the cursor of the next page; None if there is none."""

    operations: tuple[OperationRecord, ...]
    cursor: int | None


Stream: TypeAlias = Literal["changes", "quarantine"]
"""The name of a stream of items."""

_FIELDS: Final[dict[Stream, tuple[str, ...]]] = {
    "changes": ("text",),
    "quarantine": ("text", "reason", "contract", "tenantId", "isWhole"),
}


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry of a stream: its id, the time at which it was added (ms since 1970), and its fields."""

    id: str
    at: int
    fields: dict[str, str]


class Reader:
    """Reads from the store. Every method raises StoreUnavailableError if the store does not answer in time.

    Args:
        store: sends the commands.
        within: returns the seconds that the next round trip may take. If it returns what is left of a request's time,
            all round trips together keep to its deadline.
        skipped: counts values that cannot be read; by default its own.
    """

    def __init__(
        self,
        store: CommandSender,
        *,
        within: Callable[[], float] = lambda: _WITHIN_SECONDS,
        skipped: SkippedValues | None = None,
    ) -> None:
        self._store = store
        self._within = within
        self._skipped = skipped or SkippedValues()

    def latest(self, client_context: str) -> OperationRecord | None:
        """Return the latest operation of a client context that can be read: the one whose first update arrived last."""
        found = self._call(*GET_LATEST.command([context_key(client_context)]))
        if not found:
            return None
        number, text, others = found
        record = self._operation(number, text)
        if record is None:
            readable = self.operations(OperationFilter(client_context=client_context), limit=1).operations
            record = readable[0] if readable else None
        return record and replace(record, others=others)

    def operation(self, call_id: str, operation_id: str) -> OperationRecord | None:
        """Return an operation by its ids; if several client contexts have it, the newest record."""
        listed = self._call("HGET", call_operations_key(call_id), operation_id)
        return next((record for _, record in self._records(self._falling([listed or b""])) if record), None)

    def by_number(self, number: int) -> OperationRecord | None:
        """Return the operation record with a number."""
        [(_, record)] = self._records([number])
        return record

    def call(self, call_id: str) -> tuple[CallRecord | None, tuple[OperationRecord, ...]]:
        """Return a call and its operations, newest first; None for a call of which no update of its own has arrived."""
        held, listed = self._store.call(
            [call_command(call_id), ("HVALS", call_operations_key(call_id))], within=self._within()
        )
        operations = tuple(record for _, record in self._records(self._falling(listed)) if record)
        call = self._skipped.attempt("call", lambda: CallRecord.parse(*held)) if held else None
        return call, operations

    def operations(self, chosen: OperationFilter, *, limit: int, cursor: int | None = None) -> Page:
        """Return a page of operations, newest first; a short one if searching further would take too long.

        Args:
            chosen: the conditions.
            limit: how many at most.
            cursor: the cursor that the page before returned.
        """
        page: list[OperationRecord] = []
        batch, late = min(RECORDS_PER_READ, limit + 1), self._within() / 2
        for looked_at, (number, record) in enumerate(self._walk(chosen, cursor, batch), 1):
            if record and chosen.admits(record):
                page.append(record)
            if record and chosen.since is not None and record.numbered < chosen.since - _CLOCK_SKEW:
                return Page(tuple(page), None)  # numbers rise in the order of first updates
            is_enough = len(page) == limit or looked_at == RECORDS_PER_PAGE
            if is_enough or (looked_at % batch == 0 and self._within() < late):
                return Page(tuple(page), number if number > 1 else None)
        return Page(tuple(page), None)

    def count_overdue(self) -> int:
        """Return about how many operations are overdue: expired ones are counted for a while."""
        count: int = self._call("ZCARD", overdue_key())
        return count

    def entries(
        self, stream: Stream, *, limit: int, before: str | None = None
    ) -> tuple[tuple[StreamEntry, ...], str | None]:
        """Return a page of a stream, newest first, and the id before which the next page begins; None if there is none.

        Args:
            stream: `changes` or `quarantine`.
            limit: how many at most.
            before: the last id of the page before.
        """
        if before is not None and not before.strip("0-"):
            return (), None  # nothing is before 0-0, and Redis reports an error
        newest = f"({before}" if before else "+"
        rows = self._call("XREVRANGE", stream_key(stream), newest, "-", "COUNT", limit + 1)
        entries = tuple(entry for row in rows[:limit] if (entry := self._entry(stream, row)))
        return entries, rows[limit - 1][0].decode() if len(rows) > limit else None

    def entry(self, stream: Stream, entry_id: str) -> StreamEntry | None:
        """Return one entry of a stream."""
        rows = self._call("XRANGE", stream_key(stream), entry_id, entry_id)
        return self._entry(stream, rows[0]) if rows else None

    def _walk(
        self, chosen: OperationFilter, cursor: int | None, batch: int
    ) -> Iterator[tuple[int, OperationRecord | None]]:
        """Yield numbers and records, from just below the cursor downwards; None for a record that is gone."""
        numbers = self._numbers(chosen, cursor)
        while wanted := list(islice(numbers, batch)):
            yield from self._records(wanted)

    def _numbers(self, chosen: OperationFilter, cursor: int | None) -> Iterator[int]:
        if chosen.client_context:
            yield from self._numbers_in(context_key(chosen.client_context), cursor)
        elif chosen.call_id:
            for number in self._falling(self._call("HVALS", call_operations_key(chosen.call_id))):
                if cursor is None or number < cursor:
                    yield number
        elif chosen.overdue:
            yield from self._numbers_in(overdue_key(), cursor)
        else:
            newest, oldest = self._call("MGET", next_number_key(), oldest_number_key())
            top = self._number(newest or b"") or 0 if cursor is None else cursor - 1
            yield from range(top, (self._number(oldest or b"1") or 1) - 1, -1)

    def _numbers_in(self, key: str, cursor: int | None) -> Iterator[int]:
        below, command = "+inf" if cursor is None else f"({cursor}", "ZREVRANGEBYSCORE"
        while rows := self._call(command, key, below, "-inf", "WITHSCORES", "LIMIT", 0, RECORDS_PER_READ):
            yield from (number for row in rows[::2] if (number := self._number(row)))
            below = f"({rows[-1].decode()}"

    def _records(self, numbers: Sequence[int]) -> list[tuple[int, OperationRecord | None]]:
        if not numbers:
            return []
        texts = self._call("MGET", *(operation_key(number) for number in numbers))
        return [
            (number, self._operation(number, text) if text else None)
            for number, text in zip(numbers, texts, strict=True)
        ]

    def _operation(self, number: int, text: bytes) -> OperationRecord | None:
        return self._skipped.attempt("operation", lambda: OperationRecord.parse(number, text))

    def _entry(self, stream: Stream, row: tuple[bytes, Sequence[bytes]]) -> StreamEntry | None:
        return self._skipped.attempt(stream, lambda: item_entry(stream, row))

    def _number(self, value: bytes) -> int | None:
        return self._skipped.attempt("index", lambda: number_of(value)) if value else None

    def _falling(self, lists: Iterable[bytes]) -> list[int]:
        """Return the record numbers in lists such as `12 45`, the newest first, each once."""
        found = (self._number(value) for listed in lists for value in listed.split())
        return sorted({number for number in found if number}, reverse=True)

    def _call(self, *command: str | int) -> Any:
        [reply] = self._store.call([command], within=self._within())
        return reply


def call_command(call_id: str) -> Command:
    """Return the command that gets what `CallRecord.parse` reads; its reply is nothing if there is no such call."""
    return GET_CALL.command([call_key(call_id)], call_id)


def stream_entry(row: tuple[bytes, Sequence[bytes]]) -> StreamEntry:
    """Read an entry of a stream as redis-py gives it.

    Raises:
        UNREADABLE: another version or another program wrote it.
    """
    entry_id, fields = row[0].decode(), [field.decode() for field in row[1]]
    return StreamEntry(entry_id, milliseconds_of(entry_id), dict(zip(fields[::2], fields[1::2], strict=True)))


def item_entry(stream: Stream, row: tuple[bytes, Sequence[bytes]]) -> StreamEntry:
    """Read an entry of a stream of items, and check that it has the fields of one.

    Raises:
        UNREADABLE: another version or another program wrote it.
    """
    entry = stream_entry(row)
    for name in _FIELDS[stream]:
        text_of(entry.fields, name)
    check = object_text if stream == "changes" else json_text
    check(entry.fields["text"])
    return entry
