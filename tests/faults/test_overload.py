"""Ten times too much load, for a short time: nothing that was answered 202 is lost, and the receiver recovers.

The program measures response times; the machine that runs tests may be slow itself.
"""

from functools import partial

import pytest

from receiver.metrics.slow_answers import VERY_SLOW
from tests.faults.overload import OVERLOADS, Overload, slow_store

pytestmark = pytest.mark.serial

SLOW_STORES, FLOOD = OVERLOADS[:2], OVERLOADS[-1]
"""The others show nothing more in so short a time. The flood has no time limit, since it shares the core."""

SECONDS = 3.0
AFTER = 6.0
PROMISED = 2.5
"""Seconds within which half of the refusals arrive here; the program measures them on a machine with two cores."""


@pytest.mark.parametrize("overload", [*SLOW_STORES, FLOOD], ids=lambda overload: overload.args[0])
def test_overload_loses_nothing_answered_202(overload: "partial[Overload]") -> None:
    result = overload(SECONDS, AFTER)
    assert result.defects == [], result
    assert result.accepted > 100, result
    if overload in SLOW_STORES:
        assert result.accepting < AFTER, result
        assert result.recovery < AFTER, result
        assert result.slowest < VERY_SLOW, result
        assert result.refusals[0] < PROMISED, result
        assert result.memory[1] < result.memory[0] + 150, result


def test_reads_are_refused_before_notifications() -> None:
    result = slow_store("half too much", SECONDS, AFTER, times=1.5, spool=False)
    assert result.defects == [], result
    assert result.share_refused < 0.5, result
    assert result.share_of_reads_refused > result.share_refused + 0.2, result
