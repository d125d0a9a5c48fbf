"""Valid notifications of every kind, mutations of them, and what holds of whatever is read out of one."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

from receiver.graph.json_codec import dump, parse
from receiver.graph.privacy import redact, without_secrets
from receiver.graph.updates import Notification, OperationUpdate
from tests.support.graph_reading import nested
from tests.support.notifications import CALL, JOINING, call, delta, item, operation, roster

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**100), 10**100)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
PARTICIPANT = {
    "info": {"identity": {"user": {"id": "u"}, "phone": None}},
    "mediaStreams": [{"sourceId": "1"}],
}
INFO = {"code": "200", "subcode": 0, "message": "x"}
CHANGE = {"subscriptionId": "s", "clientState": "c", "encryptedContent": {"data": "x"}, "resource": "r"}
ITEMS = [
    operation(participants=[{"identity": {"user": {"id": "u"}}, "hidden": False}], resultInfo=INFO),
    operation(type="playPromptOperation", prompts=[{"x": 1}], completionReason="x", **{"@odata.id": "/x"}),
    operation(type="recordOperation", recordingLocation="x", recordingAccessToken="x"),
    call(
        resultInfo=INFO,
        targets=[{"identity": {}}],
        toneInfo={"sequenceId": 1, "tone": "tone1"},
        requestedModalities=["audio"],
    ),
    roster(PARTICIPANT, PARTICIPANT),
    delta(7, PARTICIPANT, {"removedState": {"reason": "x"}, "rosterSequenceNumber": 7}),
    item(f"/communications/calls('{CALL}')/participants('p1')", PARTICIPANT, "deleted"),
    item(f"/communications/calls/{CALL}", JOINING, "created"),
    item(f"/communications/calls/{CALL}/contentsharingsessions", [{"id": "1"}]),
    CHANGE,
]
ODD_VALUES = (
    VALUES
    | st.builds(nested, st.sampled_from([101, 150]))
    | st.sampled_from([2**64, "--5", "x" * 300, "/calls/", "a\0b"])
)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return where every value within a value stands."""
    found = [path]
    if isinstance(value, dict | list):
        steps = value if isinstance(value, dict) else range(len(value))
        found += [below for step in steps for below in paths(value[step], (*path, step))]
    return found


@st.composite
def mutations(draw: st.DrawFn) -> Any:
    """Make a valid envelope with some values anywhere in it replaced or removed."""
    document: Any = {"value": copy.deepcopy(draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3)))}
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(paths(document)[1:] or [("value",)]))
        key: Any = last
        holder: Any = document
        for step in above:
            holder = holder[step]
        if draw(st.booleans()):
            holder[key] = draw(ODD_VALUES)
        elif isinstance(holder, list) or key in holder:
            del holder[key]
    return document


def first_resource(document: Any) -> Any:
    try:
        return document["value"][0]["resourceData"]
    except (KeyError, IndexError, TypeError):
        return document


def check(notification: Notification) -> None:
    for update in notification.updates:
        if isinstance(update, OperationUpdate):
            assert update.client_context or update.call_id
            assert "None" not in (update.client_context, update.call_id, update.operation_id)
        else:
            assert update.call_id
    texts = [text for update in notification.updates for text in getattr(update, "members", {}).values()]
    for text in (*texts, *(unreadable.text for unreadable in notification.unreadable)):
        assert dump(parse(text.encode())) == text
        json.loads(redact(text))
        json.loads(without_secrets(text))
