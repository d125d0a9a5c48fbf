"""JSON codec: parse Graph's bodies, and write values as the canonical text that is stored.

orjson does the work. The slower standard library takes what orjson rejects or changes: a lone surrogate (a name cut in
the middle of an emoji), a byte order mark, another charset, an integer beyond 64 bits (orjson would make it a float).
Of duplicate members the last one counts, as in .NET and JavaScript.
"""

import json
import math
from typing import Final, NoReturn, TypeAlias

import orjson

from receiver.errors import InvalidJSONError

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"

MAX_DEPTH: Final = 100
"""Greatest depth of a value, in levels. Graph needs about ten; orjson writes at most 254."""

_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_INTEGER: Final = b"0" * 19
"""The pattern of an integer that may exceed 64 bits, once every digit is replaced by 0."""


class TooDeepError(ValueError):
    """The value is nested more than `MAX_DEPTH` levels deep."""


def parse(body: bytes, charset: str | None = None) -> JSON:
    """Parse a body: as UTF-8, or else in the charset of its content type.

    Raises:
        InvalidJSONError: the body is not JSON (RFC 8259), or is nested thousands of levels deep.
    """
    if _LONG_INTEGER not in body.translate(_DIGITS):  # ten times as fast as a regular expression
        try:
            return orjson.loads(body)  # type: ignore[no-any-return]
        except orjson.JSONDecodeError:
            pass  # the standard library decides
    return _parse_leniently(_decode(body, charset))


def dump(value: JSON) -> str:
    """Return the canonical text of a value: members sorted, no white space, so that equal values have equal texts.

    Raises:
        TooDeepError: the value is nested too deeply.
    """
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # too deep for orjson, or an integer beyond 64 bits
        text = ""
    # Counting brackets is cheap and clears nearly every value.
    may_be_deep = not text or (len(text) > MAX_DEPTH and text.count("{") + text.count("[") > MAX_DEPTH)
    if may_be_deep and _is_deeper_than(value, MAX_DEPTH):
        raise TooDeepError(f"nested more than {MAX_DEPTH} levels deep")
    return text or json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def prune(value: JSON, depth: int = MAX_DEPTH) -> JSON:
    """Return a value with everything nested more than `depth` levels deep replaced by `…`."""
    if isinstance(value, dict):
        return {name: prune(member, depth - 1) for name, member in value.items()} if depth else "…"
    if isinstance(value, list):
        return [prune(item, depth - 1) for item in value] if depth else "…"
    return value


def _decode(body: bytes, charset: str | None) -> str:
    for encoding in ("utf-8-sig", charset):
        try:
            if encoding:
                return body.decode(encoding)
        except (ValueError, LookupError):  # the name comes from a header, and may be anything
            continue
    raise InvalidJSONError("The body is neither UTF-8 nor in the charset of its content type. Send UTF-8.")


def _parse_leniently(text: str) -> JSON:
    try:
        return _without_lone_surrogates(json.loads(text, parse_constant=_refuse, parse_float=_finite))
    except (ValueError, RecursionError):
        raise InvalidJSONError(
            "The body is not JSON. Send JSON by RFC 8259: no NaN or infinity, no number of thousands of digits, "
            "not thousands of levels deep."
        ) from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond the range of a float")
    return number


def _without_lone_surrogates(value: JSON) -> JSON:
    if isinstance(value, str):
        return _scrub(value)
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_scrub(name): _without_lone_surrogates(member) for name, member in value.items()}
    return value


def _scrub(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_deeper_than(value: JSON, depth: int) -> bool:
    level: list[JSON] = [value]
    while level and depth >= 0:
        below: list[JSON] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
        depth -= 1
    return bool(level)
