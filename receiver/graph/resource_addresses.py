"""Resource addresses: the call, and the part of it, that a notification refers to.

Graph writes them as `/communications/calls/{id}/…`, `/app/calls/{id}/…`, without the leading slash, or as a
whole URL, and the same id upper-case undashed in the address and lower-case dashed in the body. OData has a second
form, with the id as a key: `/communications/calls('{id}')/operations('{id}')`, also percent-encoded.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_USUAL: Final = re.compile(
    r"/(?:app|communications)/calls/([0-9a-f-]{36})(?:/(operations)(?:/([0-9a-f-]{36}))?)?"
)
"""The usual form, whose ids are normalized already."""
_KEYED: Final = re.compile(r"(\w+)\((?:id=)?(.*)\)", re.DOTALL)

_COLLECTIONS: Final = (
    "app applications audioRoutingGroups beta callRecords calls channels chats communications content "
    "contentSharingSessions events groups joinedTeams mailFolders me members messages onlineMeetings operations "
    "participants presences recordings replies sessions sites subscriptions teams transcripts users v1.0"
)
_WORDS: Final = {word.lower(): word for word in _COLLECTIONS.split()}
"""Segments of Graph's addresses that name collections. Any other may be an id or the name of a person."""

_MOST_SEGMENTS: Final = 20


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a resource's address; missing parts are empty.

    Args:
        call_id: the call.
        collection: a collection of the call, lower-case: `operations`, `participants`, …; empty for the call itself.
        item_id: the item of the collection.
    """

    call_id: str = ""
    collection: str = ""
    item_id: str = ""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Parse an address; one without a call has no parts."""
        if usual := _USUAL.fullmatch(url):
            return cls(*usual.groups(""))
        segments = [unquote(segment) for segment in url.partition("?")[0].split("/") if segment]
        names = [segment.partition("(")[0].lower() for segment in segments]
        if "calls" not in names:
            return cls()
        _, call_id, rest = _split_collection(segments[names.index("calls") :])
        collection, item_id, _ = _split_collection(rest)
        if item_id.lower() == "participants":
            item_id = (
                ""  # Graph's documentation shows a roster, without any id, at `…/operations/participants`
            )
        return cls(normalize_id(call_id), collection.lower(), normalize_id(item_id))


def mask_address(url: str) -> str:
    """Return an address with its ids, names and query masked: `/communications/calls/{id}/operations/{id}`.

    Resources of the same kind have equal masks. The host of a whole URL is left out.
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


def _split_collection(segments: list[str]) -> tuple[str, str, list[str]]:
    """Return a collection, the id of its item, and the remaining segments; missing parts are empty."""
    first, second, *_ = [*segments, "", ""]
    if keyed := _KEYED.fullmatch(first):
        return keyed[1], _unquoted(keyed[2]), segments[1:]
    return first, second, segments[2:]


def _unquoted(key: str) -> str:
    """Return the text of an OData key: it is in single quotes, with quotes of its own doubled."""
    is_quoted = len(key) > 1 and key[0] == key[-1] == "'"
    return key[1:-1].replace("''", "'") if is_quoted else key


def normalize_id(text: str) -> str:
    """Return a GUID in lower case with dashes, and any other id unchanged."""
    if not _GUID.fullmatch(text):
        return text
    digits = text.replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
