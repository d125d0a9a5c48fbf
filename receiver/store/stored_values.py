"""Stored values, checked as they are read: what another version or another program wrote must not pass as ours.

Each function raises one of `skipping.UNREADABLE` for a value of another form, so that what is returned can be
represented and rendered without further checks.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from receiver.errors import InvalidJSONError
from receiver.graph.json_codec import MAX_DEPTH, dump, parse
from receiver.graph.updates import Members

_LATEST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which a time cannot be written as text."""

_LARGEST: Final = 1 << 53
"""Numbers of records and counts are exact up to this in the scripts."""

_DIGITS: Final = 16


def text_of(held: Mapping[str, Any], name: str) -> str:
    """Return a member that is a text."""
    value = held[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def count_of(held: Mapping[str, Any], name: str) -> int:
    """Return a member that is a whole number from 0 on."""
    return _whole(held[name], _LARGEST)


def time_of(held: Mapping[str, Any], name: str) -> int:
    """Return a member that is a time, in ms since 1970."""
    return _whole(held[name], _LATEST)


def times_of(held: Mapping[str, Any], name: str) -> dict[str, int]:
    """Return a member that has a time for each name."""
    times: dict[str, Any] = held[name]
    for at in times.values():
        _whole(at, _LATEST)
    return times


def ranked_members(held: Mapping[str, Any], name: str) -> Members:
    """Return members of a resource, which `merge.lua` keeps with the rank that brought each."""
    return {member: json_text(text) for member, (_rank, text) in held[name].items()}


def members(held: Mapping[str, Any], name: str) -> Members:
    """Return members of a resource."""
    return {member: json_text(text) for member, text in held[name].items()}


def json_text(text: str) -> str:
    """Return a text that is JSON, and not nested too deeply to be written again."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:  # or JSON that only the standard library reads
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
    """Return when an entry of a stream came, which its id tells."""
    return _whole(int(entry_id.partition("-")[0]), _LATEST)


def number_of(value: bytes) -> int:
    """Return a record's number, as indexes have it."""
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
