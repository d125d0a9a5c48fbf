"""Participants, by the names in Graph's identities. Pure; Graph's set of identities is open, so any kind is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from receiver.graph.json_codec import JSON, parse


@dataclass(frozen=True, slots=True)
class Attendee:
    """A participant of a call: the name, and notes from the roster."""

    name: str
    notes: tuple[str, ...]


def invited(participants: str | None) -> tuple[str, ...]:
    """Return the names of an operation's participants, given as JSON text: display names, else phone numbers or ids."""
    return tuple(name for one in _list(participants) if (name := _name(one)))


def attendees(participants: Sequence[JSON]) -> tuple[Attendee, ...]:
    """Return the participants of a roster."""
    return tuple(_attendee(one) for one in participants if isinstance(one, dict))


def named(info: str | None) -> str:
    """Return the name in a `participantInfo`, given as JSON text; empty if it has none."""
    return _name(parse(info.encode())) if info else ""


def _list(text: str | None) -> list[JSON]:
    value = parse(text.encode()) if text else None
    return value if isinstance(value, list) else []


def _attendee(participant: dict[str, JSON]) -> Attendee:
    flags = {"isMuted": "muted", "isInLobby": "in the lobby", "removedState": "removed"}
    return Attendee(
        _name(participant.get("info")) or "Unknown participant",
        tuple(words for member, words in flags.items() if participant.get(member)),
    )


def _name(participant: JSON) -> str:
    """Return the name in a participant's info; muteParticipants gives a bare id instead."""
    if isinstance(participant, str):
        return participant
    identities = participant.get("identity") if isinstance(participant, dict) else None
    if not isinstance(identities, dict):
        return ""
    found = [one for one in identities.values() if isinstance(one, dict)]
    for member in ("displayName", "id"):
        for one in found:
            name = one.get(member)
            if isinstance(name, str) and name.strip():
                return name
    return ""
