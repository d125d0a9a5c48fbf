"""Rosters: pack participants for `roster.lua`, and read the hash that it writes as one JSON array."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from receiver.graph.json_codec import JSON, dump, parse
from receiver.graph.resource_addresses import normalize_id
from receiver.graph.sequence_numbers import sequence, sortable
from receiver.store.limits import NUMBER_WIDTH, PLACE_WIDTH
from receiver.store.stored_values import json_text

_DELTA: Final = "deltaparticipants"
_TEXT_START: Final = 2 * NUMBER_WIDTH + PLACE_WIDTH
_PLACE: Final = slice(2 * NUMBER_WIDTH, _TEXT_START)
"""Where a stored participant has its place, between two numbers and its JSON text."""


def pack_participants(participants: str) -> tuple[str, str]:
    """Pack participants, given as a JSON array, in the form that `roster.lua` unpacks.

    Returns:
        The highest of their numbers, as sortable text, empty if none has one; and three lines for each participant:
        its key, its own number, and its JSON text, which is empty for one that has left.
    """
    lines: dict[str, str] = {}
    highest = ""
    for key, one in _keyed(_listed(participants)):
        number = sortable(sequence(_member(one, "rosterSequenceNumber")))
        text = dump(one) if _member(one, "removedState") is None else ""
        lines[key] = f"{key}\n{number}\n{text}\n"
        highest = max(highest, number)
    return highest, "".join(lines.values())


def roster_text(known: Mapping[str, str] | None, before: str | None, fields: Sequence[bytes]) -> str | None:
    """Return the roster of a call as a JSON array; None if none has arrived.

    Args:
        known: the record's state of its roster; None if only 0.1.0 has written one.
        before: the roster that 0.1.0 wrote into the record, if any.
        fields: keys and values of the hash, alternately.

    Raises:
        UNREADABLE: another version or another program wrote it.
    """
    if known is None or (before is not None and known.get("base") != _digest(before)):
        return None if before is None else json_text(before)  # 0.1.0 wrote the roster, or wrote it last
    held = dict(zip(fields[::2], fields[1::2], strict=True))
    texts = [dump(one) for key, one in _keyed(_listed(before or "[]")) if key.encode() not in held]
    rows = sorted(
        (value[:NUMBER_WIDTH], value[_PLACE], key, value[_TEXT_START:]) for key, value in held.items()
    )
    # The text of a participant that has left is empty, and a text that is not an object is not a participant.
    texts += [json_text(row[-1].decode()) for row in rows if row[-1].startswith(b"{")]
    return f"[{','.join(texts)}]"


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _member(value: JSON, name: str) -> JSON:
    return value.get(name) if isinstance(value, dict) else None


def _listed(participants: str) -> Iterator[JSON]:
    """Yield the participants of a roster, also those within a delta, which 0.1.0 stored as if it were a participant."""
    found = parse(participants.encode())
    for one in found if isinstance(found, list) else ():
        kind, within = _member(one, "@odata.type"), _member(one, "participants")
        if isinstance(kind, str) and kind.lower().endswith(_DELTA) and isinstance(within, list):
            yield from within
        else:
            yield one


def _keyed(participants: Iterator[JSON]) -> Iterator[tuple[str, JSON]]:
    """Yield participants with their keys: the id, or else the identity, with a count if several have the same."""
    unnamed: dict[str, int] = {}
    for one in participants:
        own = _member(one, "id")
        if isinstance(own, str) and own:
            yield dump(normalize_id(own)), one
            continue
        key = dump(_member(_member(one, "info"), "identity"))
        unnamed[key] = unnamed.get(key, 0) + 1
        yield f"{unnamed[key]} {key}", one
