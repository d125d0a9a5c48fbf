"""Resource addresses: which call, and what of it, a notification speaks of.

Graph writes them as `/communications/calls/{id}/…`, `/app/calls/{id}/…`, without the leading slash, or as a
whole URL, and the same id upper-case undashed in the address and lower-case dashed in the body. OData has a second
form of the same, with the id as a key: `/communications/calls('{id}')/operations('{id}')`, also percent-encoded.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_USUAL: Final = re.compile(
    r"/(?:app|communications)/calls/([0-9a-f-]{36})(?:/(operations)(?:/([0-9a-f-]{36}))?)?"
)
"""What needs no taking apart: the ids are normalized already."""
_KEYED: Final = re.compile(r"(\w+)\((?:id=)?(.*)\)", re.DOTALL)

_COLLECTIONS: Final = (
    "app applications audioRoutingGroups beta callRecords calls channels chats communications content "
    "contentSharingSessions events groups joinedTeams mailFolders me members messages onlineMeetings operations "
    "participants presences recordings replies sessions sites subscriptions teams transcripts users v1.0"
)
_WORDS: Final = {word.lower(): word for word in _COLLECTIONS.split()}
"""Segments of Graph's addresses that are names of collections. Any other may be an id or the name of a person."""

_MOST_SEGMENTS: Final = 20


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a resource's address; what it lacks is empty.

    Args:
        call_id: the call.
        collection: what of the call, lower-case: `operations`, `participants`, …; empty for the call itself.
        item_id: which one of the collection.
    """

    call_id: str = ""
    collection: str = ""
    item_id: str = ""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Take an address apart; one that speaks of no call has no parts."""
        if usual := _USUAL.fullmatch(url):
            return cls(*usual.groups(""))
        segments = [unquote(segment) for segment in url.partition("?")[0].split("/") if segment]
        names = [segment.partition("(")[0].lower() for segment in segments]
        if "calls" not in names:
            return cls()
        _, call_id, rest = _take(segments[names.index("calls") :])
        collection, item_id, _ = _take(rest)
        if item_id.lower() == "participants":
            item_id = ""  # Graph's documentation has a roster, without any id, at `…/operations/participants`
        return cls(normalize_id(call_id), collection.lower(), normalize_id(item_id))


def shape(url: str) -> str:
    """Return an address with its ids, names and query masked: `/communications/calls/{id}/operations/{id}`.

    Equal kinds of resources have equal shapes. The host of a whole URL is left out.
    """
    path, mark, _ = url.partition("?")
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2]
    segments = [segment for segment in path.split("/") if segment]
    shown = [_masked(segment) for segment in segments[:_MOST_SEGMENTS]]
    rest = "/…" if len(segments) > _MOST_SEGMENTS else ""
    return ("/" + "/".join(shown) if shown else "") + rest + ("?{query}" if mark else "")


def _masked(segment: str) -> str:
    if keyed := _KEYED.fullmatch(unquote(segment)):
        return _WORDS.get(keyed[1].lower(), "{id}") + "('{id}')"
    return _WORDS.get(segment.lower(), "{id}")


def _take(segments: list[str]) -> tuple[str, str, list[str]]:
    """Return a collection, the id of one of it, and the segments behind; what is missing is empty."""
    first, second, *_ = [*segments, "", ""]
    if keyed := _KEYED.fullmatch(first):
        return keyed[1], _unquoted(keyed[2]), segments[1:]
    return first, second, segments[2:]


def _unquoted(key: str) -> str:
    """Return the text of an OData key: within single quotes, where one that belongs to it is doubled."""
    is_quoted = len(key) > 1 and key[0] == key[-1] == "'"
    return key[1:-1].replace("''", "'") if is_quoted else key


def normalize_id(text: str) -> str:
    """Write a GUID lower-case and dashed; leave any other id as it is."""
    if not _GUID.fullmatch(text):
        return text
    digits = text.replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
