"""Read the quarantine: entries, and groups of entries that differ only in ids, names and time."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Final, Self

from receiver.graph.json_codec import parse
from receiver.graph.quarantine_summary import Summary, summarize
from receiver.store.keys import stream_key
from receiver.store.limits import ENTRIES_PER_LISTING
from receiver.store.reader import StreamEntry, item_entry, stream_entry
from receiver.store.scripts import LIST_QUARANTINE
from receiver.store.skipped_values import SkippedValues
from receiver.store.stored_values import text_of
from receiver.store.transport.store_client import CommandSender

_STREAM: Final = stream_key("quarantine")

Row = tuple[bytes, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """An item in quarantine; its text is empty if it was listed only to be grouped."""

    id: str
    at: int
    reason: str
    contract: str
    tenant_id: str
    text: str
    is_whole: bool
    summary: Summary

    @classmethod
    def parse(cls, entry: StreamEntry) -> Self:
        """Read an entry of the stream.

        Raises:
            UNREADABLE: another version or another program wrote it.
        """
        fields = entry.fields
        contract, is_whole = text_of(fields, "contract"), text_of(fields, "isWhole") == "yes"
        if "address" in fields:
            summary = Summary(
                fields["address"], text_of(fields, "type"), text_of(fields, "replayable") == "yes"
            )
        else:  # 0.1.0 wrote it
            summary = summarize(parse(fields["text"].encode()), contract, is_whole=is_whole)
        return cls(
            id=entry.id,
            at=entry.at,
            reason=text_of(fields, "reason"),
            contract=contract,
            tenant_id=text_of(fields, "tenantId"),
            text=fields.get("text", ""),
            is_whole=is_whole,
            summary=summary,
        )

    @property
    def group(self) -> str:
        """The id of the group that the entry belongs to."""
        parts = (self.contract, self.reason, self.summary.address, self.summary.type)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """A group of equal entries: the newest one, their number, and when the first one arrived (ms since 1970)."""

    newest: QuarantineEntry
    count: int
    first: int


class QuarantineReader:
    """Reads the quarantine. Every method raises StoreUnavailableError if the store does not answer in time.

    Args:
        store: sends the commands.
        within: returns the seconds that the next round trip may take.
        skipped: counts entries that cannot be read.
    """

    def __init__(self, store: CommandSender, *, within: Callable[[], float], skipped: SkippedValues) -> None:
        self._store = store
        self._within = within
        self._skipped = skipped

    def groups(self) -> list[QuarantineGroup]:
        """Return all groups, the one with the newest entry first. Their entries have no text."""
        found: dict[str, QuarantineGroup] = {}
        for head in self._heads():
            known = found.get(head.group)
            found[head.group] = (
                replace(known, count=known.count + 1, first=head.at)
                if known
                else QuarantineGroup(head, 1, head.at)
            )
        return list(found.values())

    def ids(self, group: str) -> list[str]:
        """Return the ids of the entries of a group, the newest first."""
        return [head.id for head in self._heads() if head.group == group]

    def entry(self, entry_id: str) -> QuarantineEntry | None:
        """Return one entry; None if there is none, or it cannot be read."""
        return next(iter(self.entries([entry_id])), None)

    def entries(self, ids: Sequence[str]) -> list[QuarantineEntry]:
        """Return entries by their ids, in the order of the ids, without those that are gone or cannot be read."""
        if not ids:
            return []
        replies = self._store.call([("XRANGE", _STREAM, one, one) for one in ids], within=self._within())
        return [entry for rows in replies for row in rows if (entry := self._whole(row))]

    def page(
        self, *, limit: int, before: str | None, group: str = ""
    ) -> tuple[list[QuarantineEntry], str | None]:
        """Return a page of entries, newest first, and the id before which the next page begins; None if there is none.

        Args:
            limit: how many at most.
            before: the last id of the page before.
            group: return only entries of this group; empty for all.
        """
        if before is not None and not before.strip("0-"):
            return [], None  # nothing is before 0-0, and Redis reports an error
        if group:
            heads = (head.id for head in self._heads(before) if head.group == group)
            ids = list(islice(heads, limit + 1))
            return self.entries(ids[:limit]), ids[limit - 1] if len(ids) > limit else None
        newest = f"({before}" if before else "+"
        rows = self._call("XREVRANGE", _STREAM, newest, "-", "COUNT", limit + 1)
        entries = [entry for row in rows[:limit] if (entry := self._whole(row))]
        return entries, rows[limit - 1][0].decode() if len(rows) > limit else None

    def _heads(self, before: str | None = None) -> Iterator[QuarantineEntry]:
        """Yield all entries, or those before an id, newest first and without their texts."""
        newest = f"({before}" if before else "+"
        while rows := self._call(*LIST_QUARANTINE.command([_STREAM], newest, ENTRIES_PER_LISTING)):
            for row in rows:
                if head := self._skipped.attempt("quarantine", partial(_head, row)):
                    yield head
            newest = f"({rows[-1][0].decode()}"

    def _whole(self, row: Row) -> QuarantineEntry | None:
        return self._skipped.attempt(
            "quarantine", lambda: QuarantineEntry.parse(item_entry("quarantine", row))
        )

    def _call(self, *command: str | int) -> Any:
        [reply] = self._store.call([command], within=self._within())
        return reply


def _head(row: Row) -> QuarantineEntry:
    return replace(QuarantineEntry.parse(stream_entry(row)), text="")
