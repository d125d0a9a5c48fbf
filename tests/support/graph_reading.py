"""Short ways to read what the builders of `tests.support.notifications` make."""

import json
from typing import Any

from receiver.graph.call_notifications import read_notification
from receiver.graph.json_codec import JSON
from receiver.graph.updates import CallUpdate, Notification, OperationUpdate, RosterUpdate, Unreadable

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"


def read(*items: Any) -> Notification:
    document: JSON = {"@odata.type": "#microsoft.graph.commsNotifications", "value": list(items)}
    return read_notification(document, TENANT)


def read_operation(item: Any) -> OperationUpdate:
    [update] = _all_read(item).updates
    assert isinstance(update, OperationUpdate)
    return update


def read_call(item: Any) -> CallUpdate:
    [update] = _all_read(item).updates
    assert isinstance(update, CallUpdate)
    return update


def read_roster(item: Any) -> RosterUpdate:
    [update] = _all_read(item).updates
    assert isinstance(update, RosterUpdate)
    return update


def read_unreadable(item: Any) -> Unreadable:
    notification = read(item)
    assert (notification.updates, notification.ignored) == ((), ())
    [unreadable] = notification.unreadable
    return unreadable


def members(update: OperationUpdate | CallUpdate) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in update.members.items()}


def nested(levels: int, core: Any = "core") -> Any:
    """Put a value into so many lists."""
    for _ in range(levels):
        core = [core]
    return core


def _all_read(item: Any) -> Notification:
    notification = read(item)
    assert (notification.unreadable, notification.ignored) == ((), ())
    return notification
