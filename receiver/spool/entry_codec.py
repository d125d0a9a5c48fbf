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
from receiver.store.writer import News

_KINDS: Final[dict[str, type[News]]] = {
    "operation": OperationUpdate,
    "call": CallUpdate,
    "roster": RosterUpdate,
    "rosterDelta": RosterDelta,
    "participant": ParticipantNotification,
    "change": ChangeNotification,
    "unreadable": Unreadable,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


class UnreadableNewsError(ValueError):
    """The text is none of ours: damaged, or written by a newer receiver."""


def write_news(news: Sequence[News]) -> bytes:
    """Write news as JSON."""
    return orjson.dumps([[_NAMES[type(item)], item] for item in news])


def read_news(text: bytes) -> list[News]:
    """Read what `write_news` has written.

    Raises:
        UnreadableNewsError: it can't be read.
    """
    try:
        items: list[tuple[str, dict[str, Any]]] = orjson.loads(text)
        return [news for kind, fields in items for news in _of_old_form(_KINDS[kind](**fields))]
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableNewsError(f"{type(error).__name__}: {error}") from None


def _of_old_form(news: News) -> list[News]:
    """Return what an item says; 0.1.0 wrote the delta of a roster as if it were the whole of it."""
    if not isinstance(news, RosterUpdate) or "eltaParticipants" not in news.participants:
        return [news]
    found = parse(news.participants.encode())
    address = Address(news.call_id, "participants")
    return [
        *read_participants(found if isinstance(found, list) else [], address, news.tenant_id, deleted=False)
    ]


def mentions(name: str) -> tuple[bytes, ...]:
    """Return texts, of which one stands in every text that `write_news` makes of news that holds a name.

    What Graph wrote itself may hold it in any way.
    """
    return orjson.dumps(name), b'["change"', b'["unreadable"'
