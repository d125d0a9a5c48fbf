"""Encode and decode the items of spooled notifications.

The spool stores parsed items, not requests: the sender is authenticated already, and neither a token nor a
`clientState` reaches the disk. A field that is added to an update later needs a default, else a spool that was written
before the upgrade can't be read after it.
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
    """The text is damaged, or a newer receiver wrote it."""


def encode_items(items: Sequence[Item]) -> bytes:
    """Return items as JSON."""
    return orjson.dumps([[_NAMES[type(item)], item] for item in items])


def decode_items(text: bytes) -> list[Item]:
    """Return the items in a text that `encode_items` returned.

    Raises:
        UnreadableEntryError: the text can't be read.
    """
    try:
        rows: list[tuple[str, dict[str, Any]]] = orjson.loads(text)
        return [item for kind, fields in rows for item in _converted(_KINDS[kind](**fields))]
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableEntryError(f"{type(error).__name__}: {error}") from None


def _converted(item: Item) -> list[Item]:
    """Return an item in its present form: 0.1.0 wrote the delta of a roster as if it were a whole roster."""
    if not isinstance(item, RosterUpdate) or "eltaParticipants" not in item.participants:
        return [item]
    found = parse(item.participants.encode())
    address = Address(item.call_id, "participants")
    return [
        *read_participants(found if isinstance(found, list) else [], address, item.tenant_id, deleted=False)
    ]


def search_texts(name: str) -> tuple[bytes, ...]:
    """Return texts of which every entry with a name contains at least one.

    An item that holds Graph's own text may contain the name in any form, so entries with such an item always match.
    """
    return orjson.dumps(name), b'["change"', b'["unreadable"'
