"""Any JSON is parsed into updates, or its envelope is refused; no other error is raised."""

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from receiver.errors import InvalidEnvelopeError, InvalidOperationError
from receiver.graph.call_notifications import is_old_skype_call, read_notification, read_response
from receiver.graph.change_notifications import read_changes
from receiver.graph.json_codec import dump, parse
from tests.support.graph_reading import TENANT, read
from tests.support.odd_notifications import ODD_VALUES, check, first_resource, mutations


@given(ODD_VALUES | mutations())
def test_any_callback_body_is_parsed_or_refused(document: Any) -> None:
    is_old_skype_call(document)
    try:
        notification = read_notification(document, TENANT)
    except InvalidEnvelopeError:
        assert not (isinstance(document, dict) and isinstance(document.get("value"), list))
    else:
        check(notification)


@given(mutations())
def test_every_item_of_a_callback_has_a_result(document: Any) -> None:
    assume(isinstance(document, dict) and isinstance(document.get("value"), list))
    for one in document["value"]:
        notification = read(one)
        assert notification.updates or notification.unreadable or notification.ignored


@given(mutations())
def test_quarantine_entry_is_the_item_itself(document: Any) -> None:
    assume(isinstance(document, dict) and isinstance(document.get("value"), list))
    for one in document["value"]:
        for unreadable in read(one).unreadable:
            assert json.loads(unreadable.text) == one or "…" in unreadable.text


@given(ODD_VALUES | mutations())
def test_any_change_notifications_are_parsed_or_refused(document: Any) -> None:
    try:
        changes = read_changes(document, lambda _: True)
    except InvalidEnvelopeError:
        return
    for change in changes:
        assert dump(parse(change.text.encode())) == change.text


@given(ODD_VALUES | mutations().map(first_resource), st.text())
def test_any_response_is_parsed_or_refused(document: Any, client_context: str) -> None:
    try:
        update = read_response(document, client_context)
    except InvalidOperationError:
        return
    assert update.client_context == client_context
    for text in update.members.values():
        assert dump(parse(text.encode())) == text
