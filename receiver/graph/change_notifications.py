"""Contract B: the body of a subscription's change notifications, plain part.

Pure. Whose item is believed, by its `clientState`, is decided elsewhere.
"""

import re
from collections.abc import Callable
from itertools import islice
from typing import Final

from marshmallow import ValidationError

from receiver.errors import InvalidJSONError
from receiver.graph.envelope import quarantined, read_envelope
from receiver.graph.json_codec import JSON, TooDeepError, dump, parse
from receiver.graph.resources import complaint
from receiver.graph.schema_loading import Loader
from receiver.graph.schemas import ChangeNotificationCollectionSchema, ChangeNotificationSchema
from receiver.graph.updates import ChangeNotification, Unreadable

_ENVELOPE: Final = Loader(ChangeNotificationCollectionSchema())
_ITEM: Final = Loader(ChangeNotificationSchema())

_CLIENT_STATE: Final = re.compile(rb'"clientState"\s*+:\s*+("(?:[^"\\]|\\.){0,4000}+")', re.DOTALL)
_STATES_LOOKED_AT: Final = 5000
"""More items than Graph puts into one POST. To look at so many takes 1 ms where all are the same, and 6 ms where all
differ; 20,000 take 4 and 24 ms, which a flood of such bodies costs the other requests."""


def may_be_believed(body: bytes, is_believed: Callable[[JSON], bool]) -> bool:
    """Tell whether an item of a body may be believed, without parsing it.

    To parse and read a megabyte of an unverified sender's items takes up to 0.5 s, this some milliseconds. The
    values are compared one by one, as the items' are: a search for the secret itself would take longer the more of
    it is right.

    Args:
        body: as it came, in UTF-8.
        is_believed: whether a `clientState` is accepted.
    """
    found = {match[1] for match in islice(_CLIENT_STATE.finditer(body), _STATES_LOOKED_AT)}
    return any(is_believed(_parse_text(text)) for text in found)


def read_changes(
    document: JSON, is_believed: Callable[[JSON], bool]
) -> list[ChangeNotification | Unreadable]:
    """Read a parsed body, item by item.

    Args:
        document: the body. It may come from anybody, and hold very many items.
        is_believed: told an item's `clientState`, as it came; an item that is not believed is not read at all.

    Raises:
        InvalidEnvelopeError: the body is no object with a list `value`.
    """
    return [_read_item(item) for item in read_envelope(_ENVELOPE, _only_believed(document, is_believed))]


def _only_believed(document: JSON, is_believed: Callable[[JSON], bool]) -> JSON:
    items = document.get("value") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return document  # no collection; whoever reads it says so
    return {"value": [item for item in items if is_believed(_client_state(item))]}


def _parse_text(text: bytes) -> JSON:
    try:
        return parse(text)
    except InvalidJSONError:
        return None


def _client_state(item: JSON) -> JSON:
    return item.get("clientState") if isinstance(item, dict) else None


def _read_item(item: JSON) -> ChangeNotification | Unreadable:
    if not isinstance(item, dict):
        return quarantined(item, "an item that is no object", "notifications")
    kept: dict[str, JSON] = {name: value for name, value in item.items() if name != "clientState"}
    try:
        loaded = _ITEM.load(item)
        text = dump(kept)
    except ValidationError as error:
        return quarantined(kept, complaint(error, error.messages_dict), "notifications")
    except TooDeepError as error:
        return quarantined(kept, str(error), "notifications")
    return ChangeNotification(
        subscription_id=loaded["subscriptionId"],
        tenant_id=loaded.get("tenantId") or "",
        change_type=loaded.get("changeType") or "",
        lifecycle_event=loaded.get("lifecycleEvent") or "",
        resource=loaded.get("resource") or "",
        text=text,
        encrypted=bool(loaded.get("encryptedContent")),
    )
