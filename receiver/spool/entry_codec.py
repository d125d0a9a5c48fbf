"""News as text, and back: what the spool keeps on disk.

The updates are kept as they were read, not the request: who spoke is settled, and neither a token nor a `clientState`
is written. A field that an update gets later needs a default, else a spool written before the
upgrade can't be read after it.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from receiver.graph.json_codec import parse
from receiver.graph.resource_addresses import Address
from receiver.graph.roster_parsing import read_participants
from receiver.graph.updates import (
    CallUpdate,
    ChangeNotification,
    OperationUpdate,
    ParticipantNotification,
    RosterDelta,
    RosterUpdate,
    Unreadable,
)
from receiver.store.writer import Item

_KINDS: Final[dict[str, type[Item]]] = {
    "operation": OperationUpdate,
    "call": CallUpdate,
    "roster": RosterUpdate,
    "rosterDelta": RosterDelta,
    "participant": ParticipantNotification,
    "change": ChangeNotification,
    "unreadable": Unreadable,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


class UnreadableEntryError(ValueError):
    """The text is none of ours: damaged, or written by a newer receiver."""


def encode_items(items: Sequence[Item]) -> bytes:
    """Write items as JSON."""
    return orjson.dumps([[_NAMES[type(item)], item] for item in items])


def decode_items(text: bytes) -> list[Item]:
    """Read what `encode_items` has written.

    Raises:
        UnreadableEntryError: it can't be read.
    """
    try:
        rows: list[tuple[str, dict[str, Any]]] = orjson.loads(text)
        return [item for kind, fields in rows for item in _of_old_form(_KINDS[kind](**fields))]
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableEntryError(f"{type(error).__name__}: {error}") from None


def _of_old_form(item: Item) -> list[Item]:
    """Return what an item says; 0.1.0 wrote the delta of a roster as if it were the whole of it."""
    if not isinstance(item, RosterUpdate) or "eltaParticipants" not in item.participants:
        return [item]
    found = parse(item.participants.encode())
    address = Address(item.call_id, "participants")
    return [
        *read_participants(found if isinstance(found, list) else [], address, item.tenant_id, deleted=False)
    ]


def mentions(name: str) -> tuple[bytes, ...]:
    """Return texts, of which one stands in every text that `encode_items` makes of news that holds a name.

    What Graph wrote itself may hold it in any way.
    """
    return orjson.dumps(name), b'["change"', b'["unreadable"'
