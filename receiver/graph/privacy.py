"""What of Graph's data may be seen where: secrets and personal data taken out.

Secrets inside bodies: `recordingAccessToken`, `meetingInfo.token` (a JWT of the callback's own issuer),
`replacementLink`, `replacesContext`. Personal data: names, phone numbers, user ids, unknown text.
"""

import re
from functools import lru_cache
from typing import Final

from receiver.graph.json import JSON, dump, parse

_SECRET_ENDINGS: Final = ("token", "replacementlink", "replacescontext", "clientstate", "encryptedcontent")
_SECRET: Final = re.compile(rf"(?is).*{'|'.join(_SECRET_ENDINGS)}")
_MAY_HOLD_SECRETS: Final = re.compile(rf'(?i)(?:{"|".join(_SECRET_ENDINGS)})"')
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
_CALL_ADDRESS: Final = re.compile(r"/?(?:app|communications)/calls(?:/[\w-]+)*")
_PLAIN_NUMBERS: Final = frozenset({"code", "subcode"})
_HIDDEN: Final = "[redacted]"
_LOGGABLE: Final = re.compile(r"[A-Za-z]{1,60}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|")


def loggable(text: str) -> str:
    """Return a status, state, type or id as it may stand in a log: one word or a GUID, else hidden.

    These sets are open, so what stands there may be anything.
    """
    return text if _LOGGABLE.fullmatch(text) else _HIDDEN


@lru_cache(maxsize=1024)
def is_secret(member: str) -> bool:
    """Tell whether a member of this name holds a secret."""
    return _SECRET.fullmatch(member) is not None


def without_secrets(text: str) -> str:
    """Drop every member that holds a secret, at any depth, from a value written as JSON."""
    if not _may_hold_secrets(text):
        return text  # nearly always: spare the parsing
    return dump(_drop_secrets(parse(text.encode())))


def redact(text: str) -> str:
    """Hide, in a value written as JSON, every text and number that is not known to be harmless."""
    return dump(_redact("", parse(text.encode())))


def _may_hold_secrets(text: str) -> bool:
    if not text.isascii():
        return _MAY_HOLD_SECRETS.search(text) is not None
    lowered = text.lower()  # a tenth of what the expression takes
    return any(f'{ending}"' in lowered for ending in _SECRET_ENDINGS)


def _drop_secrets(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _drop_secrets(member) for name, member in value.items() if not is_secret(name)}
    if isinstance(value, list):
        return [_drop_secrets(item) for item in value]
    return value


def _redact(name: str, value: JSON) -> JSON:
    if isinstance(value, dict):
        return {member: _redact(member, inner) for member, inner in value.items()}
    if isinstance(value, list):
        return [_redact(name, item) for item in value]
    if isinstance(value, str):
        return value if _is_plain(name, value) else _HIDDEN
    if isinstance(value, bool) or value is None or name in _PLAIN_NUMBERS:
        return value
    return _HIDDEN


def _is_plain(name: str, text: str) -> bool:
    if name in _PLAIN_WORDS:  # their sets are open, so a phone number may stand there
        return _WORD.fullmatch(text) is not None
    if name in _ADDRESSES:
        return _CALL_ADDRESS.fullmatch(text) is not None
    return name == "clientContext"  # the caller's own, by which he finds it
