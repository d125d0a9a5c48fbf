"""Sequence numbers: what Graph orders rosters, participants and tones by. Pure.

They are 64 bits wide, which neither a double of Lua nor JSON in JavaScript holds to the digit. So the store gets them
as text of one width, and compares that.
"""

import re
from typing import Final

from receiver.graph.json_codec import JSON

WIDTH: Final = 19
"""Digits of the greatest signed integer of 64 bits."""

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_MOST: Final = (1 << 63) - 1


def sequence(value: JSON) -> int | None:
    """Return a sequence number, which documentation also writes as text; None for anything else."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST else None


def sortable(number: int | None) -> str:
    """Return a sequence number as text that sorts like it; nothing where there is none."""
    return "" if number is None else f"{number:0{WIDTH}d}"
