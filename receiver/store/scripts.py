"""The Lua scripts that run in the store, each with the SHA-1 by which EVALSHA names it.

A script is one or more files of `lua/`, concatenated. The last file is the script itself; those before it define local
functions that it calls. Before all of them stand the generated constants: `PREFIX`, and the limits (`limits.py`) that
the script uses. The first comment of each file names what must stand before it, and what KEYS and ARGV are; a test
compares it with this file.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from receiver.store.keys import PREFIX
from receiver.store.limits import SCRIPT_CONSTANTS

_FOLDER: Final = files("receiver.store") / "lua"
_PREFIX_LINE: Final = "local PREFIX = ARGV[1]\n"


@dataclass(frozen=True, slots=True)
class Script:
    """A script: the names of the files that it is made of, its text, and the SHA-1 of the text for EVALSHA."""

    files: tuple[str, ...]
    text: str
    sha1: str

    def command(self, keys: Sequence[str], *arguments: str | int) -> tuple[str | int, ...]:
        """Return the command that runs the script.

        Args:
            keys: KEYS.
            arguments: ARGV from 2 on; ARGV[1] is the prefix of all keys.
        """
        return ("EVALSHA", self.sha1, len(keys), *keys, PREFIX, *arguments)


def _read(*names: str) -> Script:
    body = "".join((_FOLDER / f"{name}.lua").read_text("utf-8") for name in names)
    used = (name for name in SCRIPT_CONSTANTS if re.search(rf"\b{name}\b", body))
    text = _PREFIX_LINE + "".join(f"local {name} = {SCRIPT_CONSTANTS[name]}\n" for name in used) + body
    return Script(names, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


MERGE: Final = _read("clock", "read_record", "number_lists", "append_event", "roster", "merge")
MERGE_IF_VERSION: Final = _read(
    *("read_record", "newest_record", "version_check"),
    *("clock", "number_lists", "append_event", "roster", "merge"),
)
MARK_OVERDUE: Final = _read("clock", "read_record", "append_event", "mark_overdue")
GET_LATEST: Final = _read("read_record", "newest_record", "get_latest")
GET_CALL: Final = _read("get_call")
DELETE_OPERATIONS: Final = _read(
    *("number_lists", "read_record", "newest_record", "delete_record", "stream_entries", "delete_operations")
)
DELETE_CALL: Final = _read("number_lists", "read_record", "newest_record", "delete_record", "delete_call")
DELETE_ENTRIES: Final = _read("stream_entries", "delete_entries")
GET_FEED_EXTENT: Final = _read("get_feed_extent")
END_SESSION: Final = _read("append_event", "end_session")
LIST_QUARANTINE: Final = _read("list_quarantine")

SCRIPTS: Final = (
    MERGE,
    MERGE_IF_VERSION,
    MARK_OVERDUE,
    GET_LATEST,
    GET_CALL,
    DELETE_OPERATIONS,
    DELETE_CALL,
    DELETE_ENTRIES,
    GET_FEED_EXTENT,
    END_SESSION,
    LIST_QUARANTINE,
)
"""All scripts. `StoreClient` loads them all when the server reports that it lacks one (NOSCRIPT)."""
