"""Ten times too much, for a short time: nothing that was answered 202 is lost, and then all is as before.

How quick it is, the program measures: the machine that runs tests may be slow itself.
"""

from functools import partial

import pytest

from receiver.metrics.slow_answers import VERY_SLOW
from tests.faults.overload import OVERLOADS, Overload, slow_store

pytestmark = pytest.mark.serial

SLOW_STORES, FLOOD = OVERLOADS[:2], OVERLOADS[-1]
"""The others, for so short a time, tell nothing more. Of the flood no time is promised: it shares its core with us."""

SECONDS = 3.0
AFTER = 6.0
PROMISED = 2.5
"""Seconds within which half of the refusals come here; at once, as the program measures on a machine with two cores."""


@pytest.mark.parametrize("overload", [*SLOW_STORES, FLOOD], ids=lambda overload: overload.args[0])
def test_nothing_that_was_answered_202_is_lost(overload: "partial[Overload]") -> None:
    came = overload(SECONDS, AFTER)
    assert came.defects == [], came
    assert came.accepted > 100, came
    if overload in SLOW_STORES:
        assert came.accepting < AFTER, came
        assert came.recovery < AFTER, came
        assert came.slowest < VERY_SLOW, came
        assert came.refusals[0] < PROMISED, came
        assert came.memory[1] < came.memory[0] + 150, came


def test_reads_are_refused_before_notifications_are() -> None:
    came = slow_store("half too much", SECONDS, AFTER, times=1.5, spool=False)
    assert came.defects == [], came
    assert came.share_refused < 0.5, came
    assert came.share_of_reads_refused > came.share_refused + 0.2, came
