import logging

import pytest

from receiver.metrics.slow_answers import Answers, SlowAnswers


class Counted:
    """A count of answers, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers = Answers(100, 50, 50)  # from before this process began
        self.slow_answers = SlowAnswers(lambda: self.answers, clock=lambda: self.now)

    def more(self, count: int, slow: int = 0, very_slow: int = 0, *, after: float = 10) -> Answers:
        self.now += after
        before = self.answers
        self.answers = Answers(before.count + count, before.slow + slow, before.very_slow + very_slow)
        self.slow_answers.tick()
        return self.slow_answers.recent


def test_without_answers_nothing_is_slow() -> None:
    counted = Counted()
    assert counted.slow_answers.recent == Answers()
    assert counted.more(0).slow_share == 0.0
    assert not counted.slow_answers.recent.are_too_slow


def test_only_the_last_ten_minutes_count() -> None:
    counted = Counted()
    assert counted.more(10, 2, 1) == Answers(10, 2, 1)
    for _ in range(59):
        counted.more(1)
    assert counted.slow_answers.recent == Answers(69, 2, 1)
    assert counted.more(1) == Answers(60)


def test_after_a_pause_old_answers_are_forgotten() -> None:
    counted = Counted()
    counted.more(10, 10, 10)
    assert counted.more(0, after=5000) == Answers()


@pytest.mark.parametrize(
    ("slow", "very_slow", "too_slow"), [(10, 0, False), (11, 0, True), (10, 10, False), (16, 16, True)]
)
def test_graph_bears_a_tenth_over_3_s_and_no_more(slow: int, very_slow: int, too_slow: bool) -> None:
    assert Answers(100, slow, very_slow).are_too_slow is too_slow


def test_the_log_warns_at_most_once_in_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    counted = Counted()
    with caplog.at_level(logging.WARNING):
        for _ in range(121):
            counted.more(100, 20, 5)
    warnings = [record.message for record in caplog.records]
    assert len(warnings) == 3
    assert (
        "of 100 answers in ten minutes 20.0 % took over 2.9 s (it bears 10 %), 5.0 % over 10 s" in warnings[0]
    )
