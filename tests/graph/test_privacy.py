"""What of Graph's data may be seen where."""

import json

import pytest

from receiver.graph.privacy import loggable, redact, without_secrets


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        ({"recordingAccessToken": "s", "recordingLocation": "l"}, {"recordingLocation": "l"}),
        ({"meetingInfo": {"token": "s", "x": 1}}, {"meetingInfo": {"x": 1}}),
        (
            [{"deep": [{"accessTOKEN": "s"}, {"replacementLink": "s"}, {"replacesContext": "s", "y": 2}]}],
            None,
        ),
        ({"tokens": ["kept"], "tokenType": "kept"}, {"tokens": ["kept"], "tokenType": "kept"}),
        ("a token in a text", "a token in a text"),
        ({"n": 2**70, "token": "s"}, {"n": 2**70}),
    ],
)
def test_members_that_hold_secrets_are_dropped_at_any_depth(value: object, expected: object) -> None:
    found = json.loads(without_secrets(json.dumps(value)))
    assert '"s"' not in json.dumps(found)
    if expected is not None:
        assert found == expected


def test_redaction_shows_only_what_is_known_to_be_harmless() -> None:
    item = {
        "changeType": "deleted",
        "resourceUrl": "/communications/calls/57dab8b1-894c-409a-b240-bd8beae78896/operations/x",
        "resource": "/users/ann@example.com",
        "resourceData": {
            "@odata.type": "#microsoft.graph.commsOperation",
            "status": "failed",
            "resultInfo": {"code": 408, "subcode": 10057, "message": "4:+15550100 did not answer"},
            "participants": [{"identity": {"phone": {"id": "+15550100"}, "user": {"displayName": "Ann"}}}],
            "phone": 15550100,
            "muted": True,
            "nothing": None,
        },
    }
    shown = redact(json.dumps(item))
    for personal in ("5550100", "Ann", "ann@example.com"):
        assert personal not in shown
    for harmless in ("deleted", "57dab8b1", "commsOperation", "failed", "408", "10057", "true", "null"):
        assert harmless in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("completed", "completed"),
        ("", ""),
        ("57dab8b1-894c-409a-b240-bd8beae78896", "57dab8b1-894c-409a-b240-bd8beae78896"),
        ("+15550100", "[redacted]"),
        ("Ann Example", "[redacted]"),
        ("line\nbreak", "[redacted]"),
        ("completed\n", "[redacted]"),
    ],
)
def test_only_words_and_ids_may_stand_in_a_log(text: str, shown: str) -> None:
    assert loggable(text) == shown
