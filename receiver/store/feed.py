"""The feed: what has changed, in order, with what it has changed to.

The store's stream holds only which record has changed, and its revision. An event carries the record as it is now,
and only where that is the revision the entry speaks of: if the record has moved on, a later entry will tell it. So
a reader sees every state that lasted, once, in order, and never an old state after a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from receiver.store.keys import PREFIX
from receiver.store.link import Command, Link
from receiver.store.reader import StreamEntry, stream_entry
from receiver.store.records import CallRecord, OperationRecord

Changed: TypeAlias = OperationRecord | CallRecord | StreamEntry
"""What an event tells of: an operation, a call, or a change notification."""

START: Final = "0-0"
FEED_LENGTH: Final = 10_000
"""How many entries the feed holds at least before it drops the oldest (`merge.lua`)."""

_MOST_AT_ONCE: Final = 500


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
    """Events in order, and the id up to which the feed has been read."""

    events: tuple[FeedEvent, ...]
    position: str


class Feed:
    """Reads the feed; every method raises StoreUnavailableError where the store doesn't answer in time.

    Args:
        link: the way to Redis. One that waits for news must be a link of its own: it holds a connection.
        within: seconds that one round trip may take.
    """

    def __init__(self, link: Link, *, within: float = 2.0) -> None:
        self._link = link
        self._within = within

    def position(self) -> str:
        """Return the id of the newest entry that there has been."""
        newest = self._call("XREVRANGE", f"{PREFIX}feed", "+", "-", "COUNT", 1)
        return newest[0][0].decode() if newest else START

    def holds(self, position: str) -> bool:
        """Tell whether nothing after a position has been dropped from the feed, nor the feed itself been lost."""
        name = f"{PREFIX}feed"
        commands: list[Command] = [
            ("XRANGE", name, "-", "+", "COUNT", 1),
            ("XREVRANGE", name, "+", "-", "COUNT", 1),
        ]
        oldest, newest, length = self._link.call([*commands, ("XLEN", name)], within=self._within)
        if position == START:
            return bool(length < FEED_LENGTH)
        if not length:
            return False
        first, last = oldest[0][0].decode(), newest[0][0].decode()
        return order(first) <= order(position) <= order(last)

    def wait(self, after: str, seconds: float) -> FeedBatch:
        """Wait until something has changed, and return it; nothing, where nothing has in that time."""
        command = (
            "XREAD",
            "COUNT",
            _MOST_AT_ONCE,
            "BLOCK",
            round(seconds * 1000),
            "STREAMS",
            f"{PREFIX}feed",
            after,
        )
        [reply] = self._link.call([command], within=seconds + self._within)
        return self._read(reply[0][1] if reply else [], after)

    def between(self, after: str, until: str) -> FeedBatch:
        """Return what has changed after a position, up to another; at most some hundred events at a time."""
        rows = self._call("XRANGE", f"{PREFIX}feed", f"({after}", until, "COUNT", _MOST_AT_ONCE)
        return self._read(rows, until if len(rows) < _MOST_AT_ONCE else rows[-1][0].decode())

    def _read(self, rows: Sequence[Any], position: str) -> FeedBatch:
        if not rows:
            return FeedBatch((), position)
        entries = [stream_entry(row) for row in rows]
        wanted = list(dict.fromkeys((entry.fields["k"], entry.fields["r"]) for entry in entries))
        held = dict(
            zip(wanted, self._link.call([_fetch(*one) for one in wanted], within=self._within), strict=True)
        )
        events = []
        for entry in entries:
            kind, name = entry.fields["k"], entry.fields["r"]
            changed = _changed(kind, name, held[kind, name])
            if changed and (isinstance(changed, StreamEntry) or changed.revision == int(entry.fields["v"])):
                events.append(FeedEvent(entry.id, changed))
        return FeedBatch(tuple(events), max(position, entries[-1].id, key=order))

    def _call(self, *command: str | int) -> Any:
        [reply] = self._link.call([command], within=self._within)
        return reply


def order(entry_id: str) -> tuple[int, int]:
    """Return what an entry's id is compared by."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def _fetch(kind: str, name: str) -> Command:
    if kind == "n":
        return ("XRANGE", f"{PREFIX}changes", name, name)
    return ("GET", f"{PREFIX}{'op' if kind == 'o' else 'call'}:{name}")


def _changed(kind: str, name: str, held: Any) -> Changed | None:
    if not held:
        return None  # expired or forgotten since
    if kind == "n":
        return stream_entry(held[0])
    return OperationRecord.parse(int(name), held) if kind == "o" else CallRecord.parse(held)
