"""Results of call operations in words: `408/10057` is "Nobody answered".

Pure: it knows Graph's codes and reasons, for the API, the page and the command line alike. Both sets are open, so
every table has a fallback for a code or a reason that it does not hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from receiver.graph.json_codec import JSON, parse
from receiver.graph.statuses import is_done, normalize_status
from receiver.graph.updates import Members

Tone: TypeAlias = Literal["good", "bad", "warn", "idle"]
"""How a result is marked on the page: success, failure, an early end, or an unknown reason."""

_BY_CODE_AND_SUBCODE: Final[Mapping[tuple[int, int], str]] = {
    (403, 10151): "The app has no phone number to call from",
    (408, 10057): "Nobody answered",
    (410, 301004): "The call or the participant was no longer there",
    (412, 9999): "The call was not in a state for this",
    (412, 10073): "The call was not in a state for this",
    (480, 10037): "The participant could not be reached",
}
"""Failures on record, see section 6 of the wire contract."""

_BY_CODE: Final[Mapping[int, str]] = {
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

_BY_REASON: Final[Mapping[str, tuple[str, Tone]]] = {
    "completedsuccessfully": ("Succeeded", "good"),
    "mediaoperationcanceled": ("Cancelled before the end", "warn"),
    "operationcanceled": ("Cancelled before the end", "warn"),
    "mediafilenotfound": ("The audio file could not be fetched", "bad"),
    "stoptonedetected": ("Ended by a key press", "good"),
    "maxrecordduration": ("Ended at the longest time allowed", "good"),
    "maxrecorddurationreached": ("Ended at the longest time allowed", "good"),
    "maxsilencetimeout": ("Ended after silence", "good"),
    "initialsilencetimeout": ("No speech was heard", "warn"),
    "mediareceivetimeout": ("No audio arrived", "bad"),
    "playpromptfailed": ("The prompt could not be played", "bad"),
    "playbeepfailed": ("The beep could not be played", "bad"),
    "unspecifiederror": ("Failed, and Graph doesn't say why", "bad"),
    "unknown": ("Ended for an unknown reason", "warn"),
}
"""By completionReason in lower case. sendDtmfTones reports `completed` even when the tones were not sent."""

_FIRST_ERROR: Final = 300
_FIRST_FAULT: Final = 500
_LARGEST: Final = 1 << 53
"""The largest code that every JSON reader takes exactly; a larger one is treated as absent."""

_WORD_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\s]+")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an operation.

    Args:
        text: in words.
        tone: whether it is good or bad.
        code: Graph's `resultInfo.code`; None where Graph sent none.
        subcode: Graph's `resultInfo.subcode`, likewise.
        message: Graph's own message, which may hold phone numbers and user ids.
    """

    text: str
    tone: Tone
    code: int | None = None
    subcode: int | None = None
    message: str = ""

    @property
    def number(self) -> str:
        """Code and subcode as `408/10057`; empty where Graph sent none."""
        return "/".join(str(number) for number in (self.code, self.subcode) if number is not None)


def result_of(status: str, members: Members) -> Result | None:
    """Return the result of an operation; None while it has none.

    Args:
        status: Graph's status.
        members: the resource's other members, without those that the reader of the result must not see.
    """
    status = normalize_status(status)
    if not is_done(status):
        return None
    info = _value(members, "resultInfo")
    info = info if isinstance(info, dict) else {}
    code, subcode, message = _number(info.get("code")), _number(info.get("subcode")), info.get("message")
    reason = _value(members, "completionReason")
    text, tone = _describe(status == "failed", code, subcode, reason if isinstance(reason, str) else "")
    return Result(text, tone, code, subcode, message if isinstance(message, str) else "")


def humanize(name: str) -> str:
    """Return one of Graph's names as words: `maxSilenceTimeout` is `Max silence timeout`."""
    words = [word if word.isupper() else word.lower() for word in _WORD_BOUNDARY.split(name) if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _describe(failed: bool, code: int | None, subcode: int | None, reason: str) -> tuple[str, Tone]:
    """Choose the most specific words: code and subcode, then the completion reason, then the code alone."""
    if known := _BY_CODE_AND_SUBCODE.get((code or 0, subcode or 0)):
        return known, "bad"
    by_reason = _BY_REASON.get(reason.lower())
    if by_reason and not (failed and by_reason[1] == "good"):
        return by_reason[0], "bad" if failed else by_reason[1]
    if reason and not by_reason:
        return humanize(reason), "bad" if failed else "idle"
    if failed or (code or 0) >= _FIRST_ERROR:
        return _describe_code(code), "bad"
    return "Succeeded", "good"


def _describe_code(code: int | None) -> str:
    if code is None or code < _FIRST_ERROR:
        return "Failed"
    return _BY_CODE.get(code, "Microsoft's service failed" if code >= _FIRST_FAULT else "Refused")


def _value(members: Members, name: str) -> JSON:
    text = members.get(name)
    return parse(text.encode()) if text else None


def _number(value: JSON) -> int | None:
    return value if type(value) is int and abs(value) <= _LARGEST else None
