import pytest

from receiver.trust.client_state import matches


@pytest.mark.parametrize("given", ["first", "second", "Grüße", "\ud83d"])
def test_every_accepted_value_matches(given):
    assert matches(given, ["first", "second", "Grüße", "\ud83d"])


@pytest.mark.parametrize("given", ["", "firs", "first ", "First", "first,second", "\ude00", "x" * 100_000])
def test_any_other_text_does_not_match(given):
    assert not matches(given, ["first", "second"])


@pytest.mark.parametrize("given", [None, 5, True, b"first", ["first"], {"first": "first"}])
def test_what_is_no_text_does_not_match(given):
    assert not matches(given, ["first"])


@pytest.mark.parametrize("given", ["", None, "first"])
def test_nothing_matches_when_none_is_accepted(given):
    assert not matches(given, [])


def test_an_empty_text_never_matches():
    assert not matches("", [""])


def test_only_a_comparison_in_constant_time_tells_and_it_tries_every_value(comparisons):
    for alike in (False, True):
        compared = comparisons(alike=alike)
        assert matches("first", ["first", "second"]) is alike
        assert compared == [(b"first", b"first"), (b"first", b"second")]
