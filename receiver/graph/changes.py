"""Contract B: the body of a subscription's change notifications, plain part.

Pure. Who is believed (`clientState`) is not decided here.
"""

from typing import Final

from marshmallow import ValidationError

from receiver.graph.envelope import quarantined, read_envelope
from receiver.graph.json import JSON, TooDeepError, dump
from receiver.graph.loading import Loader
from receiver.graph.resources import complaint
from receiver.graph.schemas import ChangeNotificationCollectionSchema, ChangeNotificationSchema
from receiver.graph.updates import ChangeNotification, Unreadable

_ENVELOPE: Final = Loader(ChangeNotificationCollectionSchema())
_ITEM: Final = Loader(ChangeNotificationSchema())


def read_changes(document: JSON) -> list[tuple[JSON, ChangeNotification | Unreadable]]:
    """Read a parsed body, item by item.

    Returns:
        For each item its `clientState` as it came, by which the caller decides about it, and the item.

    Raises:
        InvalidEnvelopeError: the body is no object with a list `value`.
    """
    return [(_client_state(item), _read_item(item)) for item in read_envelope(_ENVELOPE, document)]


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
