"""Redaction of Graph's data: remove secrets, and mask personal data.

Secrets are members with certain names (`secret_names`), tokens and the like within texts (`secret_texts`), the query of
a `callbackUri`, and all of these in JSON within a text. Personal data are names, phone numbers, user ids, and any
unknown text.
"""

import re
from typing import Final

from receiver.errors import InvalidJSONError
from receiver.graph.json_codec import JSON, MAX_DEPTH, dump, parse
from receiver.graph.resource_addresses import mask_address
from receiver.graph.secret_names import is_secret
from receiver.graph.secret_texts import HIDDEN, may_hold_secrets, without_query, without_tokens
from receiver.graph.updates import Members

_CALLBACKS: Final = ("callbackuri", "callbackurl", "notificationurl")
"""Endings of the names of webhook addresses, whose query often authenticates the sender."""

_SEPARATORS: Final = {ord(mark): None for mark in "_-. "}
"""Characters that separate the words of a name."""

_NAMING: Final = frozenset({"name", "key"})
"""Members that name the member `value` beside them: `{"name": "Authorization", "value": "…"}`."""

_PLAIN_WORDS: Final = frozenset(
    {
        "@odata.type",
        "changeType",
        "completionReason",
        "direction",
        "endpointType",
        "lifecycleEvent",
        "state",
        "status",
        "subscriptionId",
        "tenantId",
    }
)
_WORD: Final = re.compile(r"(?a)#?[a-z][\w.-]{0,99}|[0-9a-f-]{32,36}|", re.IGNORECASE)
_ADDRESSES: Final = frozenset({"@odata.id", "resource", "resourceUrl"})
_PLAIN_NUMBERS: Final = frozenset({"code", "subcode"})
_LOGGABLE: Final = re.compile(r"[A-Za-z]{1,60}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|")


def loggable(text: str) -> str:
    """Return a status, state, type or id for a log: one word or a GUID unchanged, anything else hidden.

    These sets are open, so the value may be any text.
    """
    return text if _LOGGABLE.fullmatch(text) else HIDDEN


def public_members(members: Members) -> Members:
    """Return the members of a resource without secrets: secret members removed, secrets within the others hidden."""
    shown = {name: text for name, text in members.items() if not is_secret(name)}
    if "value" in shown and _names_secret(
        {name: parse(shown[name].encode()) for name in _NAMING & shown.keys()}
    ):
        del shown["value"]
    if not may_hold_secrets("".join(shown.values())):  # one search in all of them
        return shown
    return {name: without_secrets(text, name) for name, text in shown.items()}


def without_secrets(text: str, name: str = "") -> str:
    """Return a JSON text without its secrets: members removed at any depth, parts of texts hidden.

    Args:
        text: the JSON text of a value.
        name: the name of the member with this value, if any.
    """
    if not may_hold_secrets(text):
        return text  # nearly always, without parsing
    return dump(_clean(name, parse(text.encode()), MAX_DEPTH + 1))


def redact(text: str) -> str:
    """Return a JSON text with every text and number hidden that is not known to be harmless."""
    return dump(_redact("", parse(text.encode())))


def _clean(name: str, value: JSON, levels: int) -> JSON:
    """Return a value without its secrets; what is nested deeper than `levels` is hidden entirely."""
    if isinstance(value, str):
        return _clean_text(name, value, levels)
    if not isinstance(value, (dict, list)):
        return value
    if levels <= 0:
        return HIDDEN
    if isinstance(value, list):
        return [_clean(name, item, levels - 1) for item in value]
    cleaned = {
        member: _clean(member, inner, levels - 1) for member, inner in value.items() if not is_secret(member)
    }
    if "value" in cleaned and _names_secret(value):  # {"name": "Authorization", "value": "…"}
        del cleaned["value"]
    return cleaned


def _names_secret(pair: dict[str, JSON]) -> bool:
    return any(isinstance(name := pair.get(member), str) and is_secret(name) for member in _NAMING)


def _clean_text(name: str, text: str, levels: int) -> str:
    if name.translate(_SEPARATORS).lower().endswith(_CALLBACKS):
        return without_query(text)
    plain = without_tokens(text)
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return plain
    try:
        value = parse(text.encode())
        cleaned = _clean(name, value, levels - 1)
        # Unchanged where nothing in it is secret; a duplicate member is parsed once.
        return text if cleaned == value and plain == text else dump(cleaned)
    except InvalidJSONError:
        return plain


def _redact(name: str, value: JSON) -> JSON:
    if isinstance(value, dict):
        return {member: _redact(member, inner) for member, inner in value.items()}
    if isinstance(value, list):
        return [_redact(name, item) for item in value]
    if isinstance(value, str):
        return _redact_text(name, value)
    if isinstance(value, bool) or value is None or name in _PLAIN_NUMBERS:
        return value
    return HIDDEN


def _redact_text(name: str, text: str) -> str:
    if name in _ADDRESSES:
        return mask_address(text)
    return text if _is_plain(name, text) else HIDDEN


def _is_plain(name: str, text: str) -> bool:
    if name in _PLAIN_WORDS:  # these sets are open, so the value may be a phone number
        return _WORD.fullmatch(text) is not None
    return name == "clientContext"  # the caller's own name for the operation, needed to find it
