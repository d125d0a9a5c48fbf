"""clientState: which values match, and comparison in constant time."""

import pytest

from receiver.trust.client_state import matches
from tests.trust.fixture_types import Comparisons


@pytest.mark.parametrize("given", ["first", "second", "Grüße", "\ud83d"])
def test_accepted_value_matches(given: object) -> None:
    assert matches(given, ["first", "second", "Grüße", "\ud83d"])


@pytest.mark.parametrize("given", ["", "firs", "first ", "First", "first,second", "\ude00", "x" * 100_000])
def test_other_text_does_not_match(given: object) -> None:
    assert not matches(given, ["first", "second"])


@pytest.mark.parametrize("given", [None, 5, True, b"first", ["first"], {"first": "first"}])
def test_value_that_is_not_a_text_does_not_match(given: object) -> None:
    assert not matches(given, ["first"])


@pytest.mark.parametrize("given", ["", None, "first"])
def test_nothing_matches_without_accepted_values(given: object) -> None:
    assert not matches(given, [])


def test_empty_text_never_matches() -> None:
    assert not matches("", [""])


def test_every_value_is_compared_in_constant_time(comparisons: Comparisons) -> None:
    for alike in (False, True):
        compared = comparisons(alike=alike)
        assert matches("first", ["first", "second"]) is alike
        assert compared == [(b"first", b"first"), (b"first", b"second")]
