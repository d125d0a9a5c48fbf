"""Change notifications of a subscription (contract B): parse a body's items.

Pure. `trust.client_state` decides which `clientState` is accepted.
"""

import re
from collections.abc import Callable
from itertools import islice
from typing import Final

from marshmallow import ValidationError

from receiver.errors import InvalidJSONError
from receiver.graph.envelope import quarantine_item, read_envelope
from receiver.graph.json_codec import JSON, TooDeepError, dump, parse
from receiver.graph.resources import describe_errors
from receiver.graph.schema_loading import Loader
from receiver.graph.schemas import ChangeNotificationCollectionSchema, ChangeNotificationSchema
from receiver.graph.updates import ChangeNotification, Unreadable

_ENVELOPE: Final = Loader(ChangeNotificationCollectionSchema())
_ITEM: Final = Loader(ChangeNotificationSchema())

_CLIENT_STATE: Final = re.compile(
    rb'"clientState"\s*+:\s*+("[^"\\]{0,4000}+(?:\\.[^"\\]{0,4000}+){0,4000}")', re.DOTALL
)
_MAX_STATES: Final = 5000
"""Number of clientState members that are compared: more than the items that Graph puts into one POST.

Comparing so many takes 1 ms where all are equal, and 6 ms where all differ; 20,000 would take 4 and 24 ms, at the
expense of other requests in a flood of such bodies.
"""


def has_accepted_client_state(body: bytes, is_accepted: Callable[[JSON], bool]) -> bool:
    """Return whether a body contains an accepted `clientState`, without parsing the body.

    Parsing a megabyte of an unauthenticated sender's items takes up to 0.5 s, this some milliseconds. The values are
    compared one by one, as those of the items are: a search for the secret itself would take longer the more of it
    is right.

    Args:
        body: as received, in UTF-8.
        is_accepted: returns whether a `clientState` is accepted.
    """
    found = {match[1] for match in islice(_CLIENT_STATE.finditer(body), _MAX_STATES)}
    return any(is_accepted(_parse_text(text)) for text in found)


def read_changes(
    document: JSON, is_accepted: Callable[[JSON], bool]
) -> list[ChangeNotification | Unreadable]:
    """Return the authenticated items of a body, parsed one by one.

    Args:
        document: the body, as JSON. Its sender is not authenticated, and it may hold very many items.
        is_accepted: returns whether an item's `clientState` is accepted; other items are dropped unparsed.

    Raises:
        InvalidEnvelopeError: the body is not an object with a list `value`.
    """
    return [_read_item(item) for item in read_envelope(_ENVELOPE, _authenticated(document, is_accepted))]


def _authenticated(document: JSON, is_accepted: Callable[[JSON], bool]) -> JSON:
    """Return a body with its authenticated items only."""
    items = document.get("value") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return document  # not a collection, which `read_envelope` reports
    return {"value": [item for item in items if is_accepted(_client_state(item))]}


def _parse_text(text: bytes) -> JSON:
    try:
        return parse(text)
    except InvalidJSONError:
        return None


def _client_state(item: JSON) -> JSON:
    return item.get("clientState") if isinstance(item, dict) else None


def _read_item(item: JSON) -> ChangeNotification | Unreadable:
    if not isinstance(item, dict):
        return quarantine_item(item, "an item that is no object", "notifications")
    kept: dict[str, JSON] = {name: value for name, value in item.items() if name != "clientState"}
    try:
        loaded = _ITEM.load(item)
        text = dump(kept)
    except ValidationError as error:
        return quarantine_item(kept, describe_errors(error, error.messages_dict), "notifications")
    except TooDeepError as error:
        return quarantine_item(kept, str(error), "notifications")
    return ChangeNotification(
        subscription_id=loaded["subscriptionId"],
        tenant_id=loaded.get("tenantId") or "",
        change_type=loaded.get("changeType") or "",
        lifecycle_event=loaded.get("lifecycleEvent") or "",
        resource=loaded.get("resource") or "",
        text=text,
        encrypted=bool(loaded.get("encryptedContent")),
    )
