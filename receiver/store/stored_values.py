"""Read and check stored values: another version or another program may have written them.

Each function raises one of `skipped_values.UNREADABLE` for a value of another form, so that what it returns can be
represented and rendered without further checks.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from receiver.errors import InvalidJSONError
from receiver.graph.json_codec import MAX_DEPTH, dump, parse
from receiver.graph.updates import Members

_LATEST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999; a later time cannot be written as text."""

_LARGEST: Final = 1 << 53
"""The largest number that a script holds exactly: Lua's numbers are doubles."""

_DIGITS: Final = 16


def text_of(stored: Mapping[str, Any], name: str) -> str:
    """Return a member that is a text."""
    value = stored[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def count_of(stored: Mapping[str, Any], name: str) -> int:
    """Return a member that is a whole number from 0 on."""
    return _whole(stored[name], _LARGEST)


def time_of(stored: Mapping[str, Any], name: str) -> int:
    """Return a member that is a time, in ms since 1970."""
    return _whole(stored[name], _LATEST)


def times_of(stored: Mapping[str, Any], name: str) -> dict[str, int]:
    """Return a member that has a time for each name."""
    times: dict[str, Any] = stored[name]
    for at in times.values():
        _whole(at, _LATEST)
    return times


def ranked_members(stored: Mapping[str, Any], name: str) -> Members:
    """Return members of a resource that `merge.lua` stored together with the rank of the update that set each."""
    return {member: json_text(text) for member, (_rank, text) in stored[name].items()}


def members(stored: Mapping[str, Any], name: str) -> Members:
    """Return members of a resource."""
    return {member: json_text(text) for member, text in stored[name].items()}


def json_text(text: str) -> str:
    """Return a text that is JSON, and not nested too deeply to be written again."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:  # the text may still be JSON that only the standard library reads
        _parsed(text)
    if len(text) > MAX_DEPTH and text.count("{") + text.count("[") > MAX_DEPTH:
        dump(_parsed(text))
    return text


def object_text(text: str) -> str:
    """Return a text that is a JSON object, and not nested too deeply to be written again."""
    if not text.startswith("{"):
        raise ValueError("not an object")
    return json_text(text)


def milliseconds_of(entry_id: str) -> int:
    """Return when an entry of a stream was added, in ms since 1970; its id begins with that."""
    return _whole(int(entry_id.partition("-")[0]), _LATEST)


def number_of(value: bytes) -> int:
    """Return a record's number, as an index holds it."""
    if not value.isdigit() or len(value) > _DIGITS:
        raise ValueError("not a number")
    return _whole(int(value), _LARGEST)


def _whole(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("not a whole number within its range")
    return value


def _parsed(text: str) -> Any:
    try:
        return parse(text.encode())
    except InvalidJSONError:
        raise ValueError("not JSON") from None
