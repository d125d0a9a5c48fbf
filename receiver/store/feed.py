"""The feed: what has changed, in order, with what it has changed to.

The store's stream holds only which record has changed, and its revision. An event carries the record as it is now,
and only where that is the revision the entry speaks of: if the record has moved on, a later entry brings it. So
a reader sees every state that lasted, once, in order, and never an old state after a new one. A tone is an event of
its own: its entry holds it, and the event shows the call as it is now with that tone.

Every read also looks at where the feed begins and ends. A position before its beginning, or behind its end, is one
from which a reader can't go on: entries were dropped in between, or another store has taken the place of the old one.
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
"""The names that an entry of each kind may have: of an operation, a call, a change notification, an ended session."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Something that changed, under the feed's own id."""

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
        """The call it belongs to; empty for a change notification."""
        return "" if isinstance(self.changed, StreamEntry) else self.changed.call_id


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """Events in order, and the id up to which the feed has been read.

    Args:
        events: what has changed.
        position: where to go on.
        has_gap: the feed does not hold all that has changed since the position that was asked for; there are no
            events, and `position` is the feed's end.
        ended_sessions: SHA-256 of the ids of sessions that were ended.
    """

    events: tuple[FeedEvent, ...]
    position: str
    has_gap: bool = False
    ended_sessions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the feed begins and ends: the id of its oldest entry, the last id that it gave, and its length."""

    oldest: str = START
    newest: str = START
    length: int = 0

    def holds(self, position: str) -> bool:
        """Return whether all entries after a position that there have been are there."""
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
    """Reads the feed; every method raises StoreUnavailableError where the store doesn't answer in time.

    Args:
        store_client: the way to Redis. One that waits for entries must be a link of its own: it holds a connection.
        within: seconds that one round trip may take.
        skipped: counts what cannot be read, and is passed over; by default its own.
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
        """Wait until something has changed after a position, and return it; nothing, where nothing has in that time.

        The time is also the longest for which a feed that begins anew with smaller ids stays unnoticed.
        """
        block = round(seconds * 1000)
        read = ("XREAD", "COUNT", EVENTS_PER_READ, "BLOCK", block, "STREAMS", _FEED, after)
        # In this order: what the feed still holds behind the read, it held at the read.
        reply, extent = self._store_client.call([read, EXTENT], within=seconds + self._within)
        rows = reply[0][1] if reply else []
        return self._batch(rows, after, rows[-1][0].decode() if rows else after, read_extent(extent))

    def between(self, after: str, until: str) -> FeedBatch:
        """Return what has changed after a position, up to another; at most some hundred events at a time."""
        read = ("XRANGE", _FEED, f"({after}", until, "COUNT", EVENTS_PER_READ)
        rows, extent = self._store_client.call([read, EXTENT], within=self._within)
        position = until if len(rows) < EVENTS_PER_READ else rows[-1][0].decode()
        return self._batch(rows, after, position, read_extent(extent))

    def _batch(self, rows: Sequence[Any], after: str, position: str, extent: Extent) -> FeedBatch:
        if not extent.holds(after):
            return FeedBatch((), extent.newest, has_gap=True)
        attempts = (self._skipped.attempt("feed", partial(_read_entry, row)) for row in rows)
        entries = [entry for entry in attempts if entry]
        held = self._held({(entry.kind, entry.name) for entry in entries})
        events = (self._event(entry, held.get((entry.kind, entry.name))) for entry in entries)
        ended = frozenset(entry.name for entry in entries if entry.kind == "s")
        return FeedBatch(tuple(event for event in events if event), position, ended_sessions=ended)

    def _event(self, entry: _Entry, held: Any) -> FeedEvent | None:
        """Make an event of what the store holds; None where that has moved on, is gone, or can't be read."""
        if not held:
            return None
        if entry.kind == "n":
            change = self._skipped.attempt("changes", lambda: item_entry("changes", held[0]))
            return FeedEvent(entry.id, change) if change else None
        kind: Kind = "operation" if entry.kind == "o" else "call"
        record = self._skipped.attempt(kind, lambda: _read_record(entry, held))
        is_wanted = record and (entry.tone is not None or record.revision == entry.revision)
        return FeedEvent(entry.id, record) if record and is_wanted else None

    def _held(self, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        """Return what the store holds of entries, by kind and name."""
        operations = [one for one in wanted if one[0] == "o"]
        others = [one for one in wanted if one[0] in "cn"]
        commands: list[Command] = [_fetch(*one) for one in others]
        if operations:  # MGET takes a key of another type for one that is not there
            commands.append(("MGET", *(operation_key(name) for _, name in operations)))
        if not commands:
            return {}
        replies = self._store_client.call(commands, within=self._within)
        texts = replies.pop() if operations else []
        return {**dict(zip(operations, texts, strict=True)), **dict(zip(others, replies, strict=True))}


def order(entry_id: str) -> tuple[int, int]:
    """Return what an entry's id is compared by."""
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
