"""Rate limiting of log lines, with a clock of the test."""

import logging
from collections.abc import Iterator

import pytest

from receiver.log_grouping import Grouping


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def level() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.INFO)
    yield root
    root.setLevel(before)


def test_lines_of_a_kind_are_counted_in_the_next(clock: Clock) -> None:
    grouping = Grouping(0.02, clock=clock)
    assert [grouping.admit("a"), grouping.admit("a"), grouping.admit("b"), grouping.admit("a")] == [
        0,
        None,
        0,
        None,
    ]
    clock.now += 0.021
    assert grouping.admit("a") == 2
    clock.now += 0.021
    assert grouping.admit("a") == 0


def test_lines_of_all_kinds_together_are_limited(clock: Clock) -> None:
    grouping = Grouping(0.02, 10, clock=clock)
    written = 0
    for number in range(5000):
        written += grouping.admit(number % 40) is not None
        clock.now += 0.001
    assert written == 5 * 10
    clock.now += 1
    counted = sum(grouping.admit(kind) or 0 for kind in range(10))
    assert counted > 0


def test_memory_for_kinds_is_bounded(clock: Clock) -> None:
    grouping = Grouping(clock=clock)
    for kind in range(10_000):
        grouping.admit(kind)
    assert len(grouping._written_at) < 2000


def test_every_line_is_written_at_debug(clock: Clock, level: logging.Logger) -> None:
    level.setLevel(logging.DEBUG)
    grouping = Grouping(1.0, 1, clock=clock)
    assert [grouping.admit("a") for _ in range(5)] == [0] * 5
