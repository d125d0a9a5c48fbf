"""The Lua scripts that run in the store, with the digest by which it knows them."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_FOLDER: Final = files("receiver.store") / "lua"


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and its SHA-1, for EVALSHA."""

    text: str
    sha1: str


def _read(*names: str) -> Script:
    text = "".join((_FOLDER / f"{name}.lua").read_text("utf-8") for name in names)
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


MERGE: Final = _read("clock", "reading", "numbers", "announce", "roster", "merge")
OVERDUE: Final = _read("clock", "reading", "announce", "overdue")
GUARDED_MERGE: Final = _read("reading", "present", "guard", "clock", "numbers", "announce", "roster", "merge")
LATEST: Final = _read("reading", "present", "latest")
CALL: Final = _read("call")
FORGET: Final = _read("numbers", "reading", "present", "drop", "entries", "forget")
FORGET_CALL: Final = _read("numbers", "reading", "present", "drop", "forget_call")
FORGET_ENTRIES: Final = _read("entries", "forget_entries")
FEED_EXTENT: Final = _read("feed_extent")
END_SESSION: Final = _read("announce", "end_session")
QUARANTINE_HEADS: Final = _read("quarantine_heads")

SCRIPTS: Final = (
    MERGE,
    GUARDED_MERGE,
    OVERDUE,
    LATEST,
    CALL,
    FORGET,
    FORGET_CALL,
    FORGET_ENTRIES,
    FEED_EXTENT,
    END_SESSION,
    QUARANTINE_HEADS,
)
"""All of them, to be loaded when a server knows one of them not."""

MOST_AT_ONCE: Final = 100
"""Items or records of one script call: a long one would hold up everybody else at the server."""
