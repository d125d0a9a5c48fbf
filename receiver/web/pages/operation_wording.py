"""The page's words for Graph's types, states and keys. It knows neither HTML nor the store.

Graph's sets are open, so every table has a fallback for a name that it does not hold.
"""

from dataclasses import dataclass
from typing import Final

from receiver.graph.json_codec import JSON
from receiver.graph.results import humanize

OVERDUE: Final = "overdue"
"""The receiver's own state beside Graph's: the result was due, and has not come."""

_TYPES: Final = {
    "": "Unknown operation",
    "commsOperation": "Call operation",
    "sendDtmfTonesOperation": "Send DTMF tones",
    "subscribeToToneOperation": "Listen for tones",
}

_KEYS: Final = {"star": "*", "pound": "#", **{f"tone{digit}": str(digit) for digit in range(10)}}

_STATES: Final = {
    "": ("No status", "idle"),
    "notStarted": ("Not started", "idle"),
    "running": ("Running", "busy"),
    "completed": ("Completed", "good"),
    "failed": ("Failed", "bad"),
    OVERDUE: ("Overdue", "warn"),
    "incoming": ("Incoming", "busy"),
    "establishing": ("Establishing", "busy"),
    "established": ("Established", "good"),
    "hold": ("On hold", "warn"),
    "transferring": ("Transferring", "busy"),
    "transferAccepted": ("Transfer accepted", "busy"),
    "redirecting": ("Redirecting", "busy"),
    "terminating": ("Terminating", "idle"),
    "terminated": ("Ended", "idle"),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word on the page, and its tone: `good`, `bad`, `warn`, `busy` or `idle`."""

    text: str
    tone: str


def type_words(kind: str) -> str:
    """Return a type of operation in words."""
    known = _TYPES.get(kind)
    return known if known is not None else humanize(kind.removesuffix("Operation")) or kind


def state_word(state: str) -> Word:
    """Return the state of an operation or a call as a word with its tone."""
    text, tone = _STATES.get(state, (humanize(state) or state, "idle"))
    return Word(text, tone)


def key_word(tone: JSON) -> str:
    """Return the key of a `toneInfo` as a telephone shows it; an unknown one as Graph names it."""
    name = tone.get("tone") if isinstance(tone, dict) else None
    return _KEYS.get(name, name) if isinstance(name, str) else "?"
