"""The window of ten minutes over which slow responses are counted."""

import logging

import pytest

from receiver.metrics.slow_answers import AnswerCounts, SlowAnswers


class Counted:
    """A count of responses, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers = AnswerCounts(100, 50, 50)  # from before this process began
        self.slow_answers = SlowAnswers(lambda: self.answers, clock=lambda: self.now)

    def more(self, count: int, slow: int = 0, very_slow: int = 0, *, after: float = 10) -> AnswerCounts:
        self.now += after
        before = self.answers
        self.answers = AnswerCounts(before.count + count, before.slow + slow, before.very_slow + very_slow)
        self.slow_answers.tick()
        return self.slow_answers.recent


def test_share_without_answers_is_zero() -> None:
    counted = Counted()
    assert counted.slow_answers.recent == AnswerCounts()
    assert counted.more(0).slow_share == 0.0
    assert not counted.slow_answers.recent.are_too_slow


def test_window_counts_the_last_ten_minutes() -> None:
    counted = Counted()
    assert counted.more(10, 2, 1) == AnswerCounts(10, 2, 1)
    for _ in range(59):
        counted.more(1)
    assert counted.slow_answers.recent == AnswerCounts(69, 2, 1)
    assert counted.more(1) == AnswerCounts(60)


def test_window_after_a_pause_is_empty() -> None:
    counted = Counted()
    counted.more(10, 10, 10)
    assert counted.more(0, after=5000) == AnswerCounts()


@pytest.mark.parametrize(
    ("slow", "very_slow", "too_slow"), [(10, 0, False), (11, 0, True), (10, 10, False), (16, 16, True)]
)
def test_answers_above_graphs_limit_are_too_slow(slow: int, very_slow: int, too_slow: bool) -> None:
    assert AnswerCounts(100, slow, very_slow).are_too_slow is too_slow


def test_warning_is_logged_once_in_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    counted = Counted()
    with caplog.at_level(logging.WARNING):
        for _ in range(121):
            counted.more(100, 20, 5)
    warnings = [record.message for record in caplog.records]
    assert len(warnings) == 3
    assert (
        "of 100 in ten minutes 20.0 % took over 2.9 s (Graph's limit: 10 %), 5.0 % over 10 s" in warnings[0]
    )
