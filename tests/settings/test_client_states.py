"""Parsing of clientState values: Graph accepts any text, and some subscriptions have JSON."""

import json
from pathlib import Path

import pytest

from receiver.settings.configuration import read_settings

OBJECT = '{"accountId": 7, "kind": "calls"}'


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("one", ("one",)),
        ("one, two:2 ,,", ("one", "two:2")),
        ("one,\ntwo", ("one", "two")),
        ("one\n\n two, three \n", ("one", "two, three")),
        (OBJECT, (OBJECT,)),
        (f"one,{OBJECT}, {OBJECT} ,two", ("one", OBJECT, OBJECT, "two")),
        (f"{OBJECT}x,two", (f"{OBJECT}x", "two")),
        (f"{OBJECT}\n{{no: JSON, at all}}", (OBJECT, "{no: JSON, at all}")),
        ("{a,b}", ("{a", "b}")),
        (json.dumps(["one, two", OBJECT, " "]), ("one, two", OBJECT, " ")),
        ('[\n  "one",\n  "two"\n]', ("one", "two")),
        ('["one"]', ("one",)),
        ("[]", ()),
    ],
)
def test_client_states_are_read(
    env: pytest.MonkeyPatch, tmp_path: Path, text: str, values: tuple[str, ...]
) -> None:
    env.setenv("RECEIVER_CLIENT_STATES", text)
    assert read_settings().client_states == values
    file = tmp_path / "states"
    file.write_text(f"{text}\n")
    env.delenv("RECEIVER_CLIENT_STATES")
    env.setenv("RECEIVER_CLIENT_STATES_FILE", str(file))
    assert read_settings().client_states == values
