"""Times and durations in words. Pure; times are in ms since 1970. `static/times.js` does the same in the browser."""

from datetime import UTC, datetime
from typing import Final

_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

_NOW: Final = 5 * _SECOND
_PRECISE: Final = 10 * _SECOND


def elapsed(duration: int) -> str:
    """Return a duration in words: `0.4 s`, `42 s`, `1 min 04 s`, `3 h 12 min`, `2 d 4 h`."""
    duration = max(0, duration)
    if duration < _PRECISE:
        return f"{duration // 100 / 10:.1f} s"
    if duration < _MINUTE:
        return f"{duration // _SECOND} s"
    if duration < _HOUR:
        return f"{duration // _MINUTE} min {duration % _MINUTE // _SECOND:02} s"
    if duration < _DAY:
        return f"{duration // _HOUR} h {duration % _HOUR // _MINUTE:02} min"
    return f"{duration // _DAY} d {duration % _DAY // _HOUR} h"


def ago(at: int, now: int) -> str:
    """Return the age of a time in words."""
    past = max(0, now - at)
    if past < _NOW:
        return "just now"
    if past < _MINUTE:
        return f"{past // _SECOND} s ago"
    if past < _HOUR:
        return f"{past // _MINUTE} min ago"
    if past < _DAY:
        return f"{past // _HOUR} h ago"
    return f"{past // _DAY} d ago"


def clock(at: int) -> str:
    """Return a time in full: `24 Nov 2026, 00:28:49.028 UTC`."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M:%S}.{at % 1000:03} UTC"


def machine(at: int) -> str:
    """Return a time for `<time datetime>`."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
