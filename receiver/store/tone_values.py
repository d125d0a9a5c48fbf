"""Extract the tone of a call update for `merge.lua`, with the number that orders tones."""

from receiver.graph.json_codec import parse
from receiver.graph.sequence_numbers import sequence, sortable
from receiver.graph.updates import Members

_MEMBER = "toneInfo"


def split_tone(members: Members) -> tuple[str, str, Members]:
    """Split a call's members into its tone and the others.

    Returns:
        The tone's number as sortable text, its JSON text, and the other members. A tone without a number stays among
        the members, and the first two are empty.
    """
    text = members.get(_MEMBER)
    info = parse(text.encode()) if text else None
    number = sortable(sequence(info.get("sequenceId"))) if isinstance(info, dict) else ""
    if not text or not number:
        return "", "", members
    return number, text, {name: value for name, value in members.items() if name != _MEMBER}
