"""Whatever is sent: reading it ends in updates, entries for the quarantine, or one clear error."""

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import InvalidEnvelopeError, InvalidJSONError
from receiver.graph.changes import read_changes
from receiver.graph.json import dump, parse
from receiver.graph.notifications import is_old_skype_call, read_notification
from receiver.graph.privacy import redact, without_secrets
from tests.notifications import call, operation, roster

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid item with some of its members, at any depth, replaced or removed."""
    item = draw(
        st.sampled_from([operation(resultInfo={"code": 200}), call("established"), roster({"id": "p"})])
    )
    place: Any = json.loads(json.dumps(item))
    whole = place
    for _ in range(draw(st.integers(1, 4))):
        if isinstance(place, list) and place:
            place = place[0]
        if not isinstance(place, dict) or not place:
            break
        name = draw(st.sampled_from(sorted(place)))
        if draw(st.booleans()):
            place[name] = draw(values)
            break
        if draw(st.booleans()):
            del place[name]
            break
        place = place[name]
    return whole


@given(values)
def test_any_body_is_read_or_refused(document: Any) -> None:
    is_old_skype_call(document)
    for read in (lambda: read_notification(document, "t"), lambda: read_changes(document)):
        try:
            read()
        except InvalidEnvelopeError:
            assert not (isinstance(document, dict) and isinstance(document.get("value"), list))


@given(st.lists(values | mutated(), max_size=4))
def test_any_item_becomes_an_update_or_an_entry_of_the_quarantine(items: list[Any]) -> None:
    found = read_notification({"value": items}, "t")
    for entry in found.unreadable:
        json.loads(entry.text)
        json.loads(redact(entry.text))
    for update in found.updates:
        for text in getattr(update, "members", {}).values():
            json.loads(without_secrets(text))


@given(values)
def test_canonical_text_is_stable(value: Any) -> None:
    text = dump(value)
    assert dump(parse(text.encode())) == text


@given(st.binary(max_size=60), st.sampled_from([None, "utf-8", "windows-1252", "utf-16", "no such charset"]))
def test_any_bytes_are_parsed_or_refused(body: bytes, charset: str | None) -> None:
    with contextlib.suppress(InvalidJSONError):
        dump(parse(body, charset))
