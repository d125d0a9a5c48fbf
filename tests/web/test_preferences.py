"""The grammar of `Prefer` (RFC 7240, 2)."""

import time

import pytest

from receiver.web.preferences import read_preference


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("wait=20", "20"),
        ("respond-async, wait=20", "20"),
        ('wait="20"', "20"),
        ("WAIT = 20", "20"),
        ("handling=lenient; a=b; c, wait=3;d", "3"),
        ('a="x, wait=5", wait=3', "3"),
        ('a="\\", wait=5", wait=3', "3"),
        ("wait=1, wait=2", "1"),
        ("wait, wait=2", None),
        ("a;wait=2", None),
        ('wait=""', None),
        (", ,wait=2", "2"),
        ("not one, wait=2", "2"),
        ('a="open, wait=2', None),
        ("awaiting=2", None),
        ("", None),
    ],
)
def test_preference_is_read_by_the_grammar(header: str, value: str | None) -> None:
    assert read_preference(header, "wait") == value


@pytest.mark.parametrize("part", ["; ", '"', "\\", "a ", "a=", ",", 'a; b="c'])
def test_preference_of_full_length_is_read_at_once(part: str) -> None:
    began = time.process_time()
    read_preference(f"a={part * (8000 // len(part))}\0", "wait")
    assert time.process_time() - began < 0.5
