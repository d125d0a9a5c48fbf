"""Sequence numbers, by which Graph orders rosters, participants and tones. Pure.

They have 64 bits, more than a double of Lua or a number of JavaScript represents exactly. So the store gets and
compares them as texts of one width.
"""

import re
from typing import Final

from receiver.graph.json_codec import JSON

WIDTH: Final = 19
"""Digits of the greatest signed integer of 64 bits, and so the width of the texts."""

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_MOST: Final = (1 << 63) - 1


def sequence(value: JSON) -> int | None:
    """Return a sequence number, which Graph's documentation also shows as a text; None for anything else."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST else None


def sortable(number: int | None) -> str:
    """Return a sequence number as a text that sorts like the number; empty for None."""
    return "" if number is None else f"{number:0{WIDTH}d}"
