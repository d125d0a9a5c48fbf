"""Graph's names and codes in plain words. Pure: it knows records, and neither HTML nor the store.

Graph's sets are open, so every table here has a way on for what it doesn't hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from receiver.graph.json_codec import JSON, parse
from receiver.graph.statuses import is_done, normalize_status
from receiver.graph.updates import Members

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\s]+")

OVERDUE: Final = "overdue"
"""A state of ours beside Graph's: the result was due, and has not come."""

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

_RESULTS: Final[Mapping[tuple[int, int], str]] = {
    (403, 10151): "The app has no phone number to call from",
    (408, 10057): "Nobody answered",
    (410, 301004): "The participant was no longer there",
    (412, 9999): "The call was not in a state for this",
    (412, 10073): "The call was not in a state for this",
}
"""By code and subcode: failures on record, see section 6 of the wire contract."""

_CODES: Final[Mapping[int, str]] = {
    400: "The request was not valid",
    401: "Not allowed",
    403: "Not allowed",
    404: "No such person or number",
    408: "No answer in time",
    409: "Something else was under way",
    410: "No longer there",
    412: "The call was not in a state for this",
    429: "Too many requests",
    480: "Could not be reached",
    486: "Busy",
    487: "Cancelled before an answer",
    500: "Microsoft's service failed",
    503: "Microsoft's service was not available",
    504: "Microsoft's service took too long",
    603: "Declined",
}

_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "completedsuccessfully": ("Succeeded", "good"),
    "mediaoperationcanceled": ("Cancelled before the end", "warn"),
    "operationcanceled": ("Cancelled before the end", "warn"),
    "mediafilenotfound": ("The audio file could not be fetched", "bad"),
    "stoptonedetected": ("Ended by a key press", "good"),
    "maxrecordduration": ("Ended at the longest time allowed", "good"),
    "maxrecorddurationreached": ("Ended at the longest time allowed", "good"),
    "maxsilencetimeout": ("Ended after silence", "good"),
    "initialsilencetimeout": ("Nobody spoke", "warn"),
    "mediareceivetimeout": ("No audio arrived", "bad"),
    "playpromptfailed": ("The prompt could not be played", "bad"),
    "playbeepfailed": ("The beep could not be played", "bad"),
    "unspecifiederror": ("Failed, and Graph doesn't say why", "bad"),
    "unknown": ("Ended for an unknown reason", "warn"),
}
"""By completionReason in lower case. sendDtmfTones says `completed` even when the tones were not sent."""

_FIRST_ERROR: Final = 300
_FIRST_FAULT: Final = 500


@dataclass(frozen=True, slots=True)
class Word:
    """A word for people, and its tone: `good`, `bad`, `warn`, `busy` or `idle`."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an operation: in words, Graph's code (`408/10057`, or empty), tone, and Graph's own message."""

    text: str
    code: str
    tone: str
    message: str = ""


def humanize(name: str) -> str:
    """Write one of Graph's names as words: `maxSilenceTimeout` is `Max silence timeout`."""
    words = [word if word.isupper() else word.lower() for word in _HUMP.split(name) if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def type_words(kind: str) -> str:
    """Say what kind of operation a type is."""
    known = _TYPES.get(kind)
    return known if known is not None else humanize(kind.removesuffix("Operation")) or kind


def state_word(state: str) -> Word:
    """Say in which state an operation or a call is."""
    text, tone = _STATES.get(state, (humanize(state) or state, "idle"))
    return Word(text, tone)


def result_of(status: str, members: Members) -> Result | None:
    """Say what came of an operation; None while it has no result."""
    status = normalize_status(status)
    if not is_done(status):
        return None
    info = _object(members.get("resultInfo"))
    code, subcode, message = info.get("code"), info.get("subcode"), info.get("message")
    number = "" if code is None else str(code) if subcode is None else f"{code}/{subcode}"
    text, tone = _explain(status == "failed", _whole(code), _whole(subcode), _reason(members))
    return Result(text, number, tone, message if isinstance(message, str) else "")


def _explain(failed: bool, code: int | None, subcode: int | None, reason: str) -> tuple[str, str]:
    known = _RESULTS.get((code or 0, subcode or 0))
    if known:
        return known, "bad"
    by_reason = _REASONS.get(reason.lower())
    if by_reason and not (failed and by_reason[1] == "good"):
        return by_reason[0], "bad" if failed else by_reason[1]
    if reason and not by_reason:
        return humanize(reason), "bad" if failed else "idle"
    if failed or (code or 0) >= _FIRST_ERROR:
        return _explain_code(code), "bad"
    return "Succeeded", "good"


def _explain_code(code: int | None) -> str:
    if code is None or code < _FIRST_ERROR:
        return "Failed"
    return _CODES.get(code, "Microsoft's service failed" if code >= _FIRST_FAULT else "Refused")


def _reason(members: Members) -> str:
    value = parse(members.get("completionReason", "null").encode())
    return value if isinstance(value, str) else ""


def _object(text: str | None) -> dict[str, JSON]:
    value = parse(text.encode()) if text else None
    return value if isinstance(value, dict) else {}


def _whole(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def key_word(tone: JSON) -> str:
    """Name the key of a `toneInfo`, as it is written on a telephone; any other as Graph names it."""
    name = tone.get("tone") if isinstance(tone, dict) else None
    return _KEYS.get(name, name) if isinstance(name, str) else "?"
