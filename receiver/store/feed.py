"""The feed: changes in order, each as an event with the record that has changed.

An entry of the store's stream holds only which record has changed, and its revision. An event carries the record as it
is now, and only if that still has the entry's revision: for a record that has changed again, a later entry brings the
event. So a reader gets every state that lasted, once, in order, and never an old state after a new one. A tone is an
event of its own: its entry holds it, and the event shows the call as it is now with that tone.

Every read also gets where the feed begins and ends. From a position before its beginning, or behind its end, a reader
cannot go on: entries in between were deleted, or another store has replaced the old one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from receiver.store.keys import operation_key, stream_key
from receiver.store.limits import EVENTS_PER_READ, FEED_LENGTH
from receiver.store.reader import StreamEntry, call_command, item_entry, stream_entry
from receiver.store.records import CallRecord, OperationRecord
from receiver.store.scripts import GET_FEED_EXTENT
from receiver.store.skipped_values import Kind, SkippedValues
from receiver.store.stored_values import text_of
from receiver.store.transport.store_client import Command, StoreClient

Changed: TypeAlias = OperationRecord | CallRecord | StreamEntry
"""What an event carries: an operation, a call, or a change notification."""

START: Final = "0-0"
"""The position before the first entry that a feed ever had."""

_FEED: Final = stream_key("feed")
EXTENT: Final[Command] = GET_FEED_EXTENT.command([_FEED])
"""The command that asks where the feed begins and ends; `read_extent` reads its reply."""

_NAMES: Final = {
    "o": re.compile(r"[0-9]{1,19}"),
    "c": re.compile(r".+", re.DOTALL),
    "n": re.compile(r"[0-9]{1,19}-[0-9]{1,19}"),
    "s": re.compile(r"[0-9a-f]{64}"),
}
"""What an entry of each kind may refer to: an operation, a call, a change notification, an ended session."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One change, under the id of its entry in the feed."""

    id: str
    changed: Changed

    @property
    def at(self) -> float:
        """When it changed, in seconds since 1970, by the store's clock."""
        return order(self.id)[0] / 1000

    @property
    def client_context(self) -> str:
        """The client context of the operation; empty for anything else."""
        return self.changed.client_context if isinstance(self.changed, OperationRecord) else ""

    @property
    def call_id(self) -> str:
        """The call of the record; empty for a change notification."""
        return "" if isinstance(self.changed, StreamEntry) else self.changed.call_id


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """Events in order, and the position up to which the feed was read.

    Args:
        events: the changes.
        position: the position to go on from.
        has_gap: the feed no longer holds all changes since the position that the read began at; then there are no
            events, and `position` is the feed's end.
        ended_sessions: SHA-256 of the ids of sessions that have ended.
    """

    events: tuple[FeedEvent, ...]
    position: str
    has_gap: bool = False
    ended_sessions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of the feed: the id of its oldest entry, the last id that it gave, and its length."""

    oldest: str = START
    newest: str = START
    length: int = 0

    def holds(self, position: str) -> bool:
        """Return whether the feed still holds every entry that was ever appended after a position."""
        if position == self.newest:
            return True
        if position == START:
            return self.length < FEED_LENGTH
        return self.length > 0 and order(self.oldest) <= order(position) < order(self.newest)


class _Entry(NamedTuple):
    id: str
    kind: str
    name: str
    revision: int
    tone: str | None


class Feed:
    """Reads the feed. Every method raises StoreUnavailableError if the store does not answer in time.

    Args:
        store_client: sends the commands. `wait` blocks a connection, so use a client of its own for it.
        within: seconds that one round trip may take.
        skipped: counts entries and records that cannot be read; by default its own.
    """

    def __init__(
        self, store_client: StoreClient, *, within: float = 2.0, skipped: SkippedValues | None = None
    ) -> None:
        self._store_client = store_client
        self._skipped = skipped or SkippedValues()
        self._within = within

    def position(self) -> str:
        """Return the last id that the feed gave."""
        [reply] = self._store_client.call([EXTENT], within=self._within)
        return read_extent(reply).newest

    def wait(self, after: str, seconds: float) -> FeedBatch:
        """Wait for changes after a position and return them; no events if there are none in that time.

        A feed that begins anew, with smaller ids, is noticed when that time is over.
        """
        block = round(seconds * 1000)
        read = ("XREAD", "COUNT", EVENTS_PER_READ, "BLOCK", block, "STREAMS", _FEED, after)
        # In this order: what the feed holds after the read, it also held at the read.
        reply, extent = self._store_client.call([read, EXTENT], within=seconds + self._within)
        rows = reply[0][1] if reply else []
        return self._batch(rows, after, rows[-1][0].decode() if rows else after, read_extent(extent))

    def between(self, after: str, until: str) -> FeedBatch:
        """Return the changes after a position, up to another; at most `EVENTS_PER_READ` at a time."""
        read = ("XRANGE", _FEED, f"({after}", until, "COUNT", EVENTS_PER_READ)
        rows, extent = self._store_client.call([read, EXTENT], within=self._within)
        position = until if len(rows) < EVENTS_PER_READ else rows[-1][0].decode()
        return self._batch(rows, after, position, read_extent(extent))

    def _batch(self, rows: Sequence[Any], after: str, position: str, extent: Extent) -> FeedBatch:
        if not extent.holds(after):
            return FeedBatch((), extent.newest, has_gap=True)
        attempts = (self._skipped.attempt("feed", partial(_read_entry, row)) for row in rows)
        entries = [entry for entry in attempts if entry]
        stored = self._stored({(entry.kind, entry.name) for entry in entries})
        events = (self._event(entry, stored.get((entry.kind, entry.name))) for entry in entries)
        ended = frozenset(entry.name for entry in entries if entry.kind == "s")
        return FeedBatch(tuple(event for event in events if event), position, ended_sessions=ended)

    def _event(self, entry: _Entry, held: Any) -> FeedEvent | None:
        """Return the event of an entry; None if the record has changed again, is gone, or cannot be read."""
        if not held:
            return None
        if entry.kind == "n":
            change = self._skipped.attempt("changes", lambda: item_entry("changes", held[0]))
            return FeedEvent(entry.id, change) if change else None
        kind: Kind = "operation" if entry.kind == "o" else "call"
        record = self._skipped.attempt(kind, lambda: _read_record(entry, held))
        is_wanted = record and (entry.tone is not None or record.revision == entry.revision)
        return FeedEvent(entry.id, record) if record and is_wanted else None

    def _stored(self, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        """Return the stored records of entries, by kind and name."""
        operations = [one for one in wanted if one[0] == "o"]
        others = [one for one in wanted if one[0] in "cn"]
        commands: list[Command] = [_fetch(*one) for one in others]
        if operations:  # MGET treats a key of another type as missing
            commands.append(("MGET", *(operation_key(name) for _, name in operations)))
        if not commands:
            return {}
        replies = self._store_client.call(commands, within=self._within)
        texts = replies.pop() if operations else []
        return {**dict(zip(operations, texts, strict=True)), **dict(zip(others, replies, strict=True))}


def order(entry_id: str) -> tuple[int, int]:
    """Return an entry's id as a pair that compares in the order of the feed."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def read_extent(reply: Any) -> Extent:
    """Read the reply to `EXTENT`."""
    if not reply:
        return Extent()
    oldest, newest, length = reply
    return Extent(oldest.decode() or START, newest.decode(), length)


def _read_entry(row: Any) -> _Entry:
    """Read an entry of the feed.

    Raises:
        UNREADABLE: another version or another program wrote it.
    """
    entry = stream_entry(row)
    kind, name, revision = (text_of(entry.fields, field) for field in ("k", "r", "v"))
    if not _NAMES[kind].fullmatch(name):
        raise ValueError("not a name of this kind")
    return _Entry(entry.id, kind, name, int(revision), entry.fields.get("t"))


def _fetch(kind: str, name: str) -> Command:
    return call_command(name) if kind == "c" else ("XRANGE", stream_key("changes"), name, name)


def _read_record(entry: _Entry, held: Any) -> OperationRecord | CallRecord:
    if entry.kind == "o":
        return OperationRecord.parse(int(entry.name), held)
    record = CallRecord.parse(*held)
    return record if entry.tone is None else record.with_tone(entry.tone)
