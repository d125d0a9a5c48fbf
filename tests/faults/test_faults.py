"""Every fault of the table, for a shorter time: what is answered 202 is there afterwards, once, and right."""

from collections.abc import Iterator

import pytest

from receiver.metrics.slow_answers import VERY_SLOW
from tests.faults import apart, common
from tests.faults.account import Row
from tests.faults.bench import Bench, bench

PACE = 0.1

TESTED_ELSEWHERE = {apart.with_a_full_spool, apart.without_a_spool}
"""What these show is shown more quickly in tests/web."""


@pytest.fixture(scope="module")
def running() -> Iterator[Bench]:
    with bench(PACE) as made:
        yield made


def nothing_is_lost(row: Row) -> None:
    assert row.defects == [], row
    assert row.accepted >= 40
    assert row.slowest < VERY_SLOW, "Graph waits no longer; the program measures the 2.5 s that are promised"


@pytest.mark.parametrize("name", common.COMMON)
def test_nothing_that_was_answered_202_is_lost(running: Bench, name: str) -> None:
    fault = common.COMMON[name]
    nothing_is_lost(running.run(name, fault, may_be=common.may_be(fault)))


@pytest.mark.parametrize("fault", [fault for fault in apart.APART if fault not in TESTED_ELSEWHERE])
def test_nothing_is_lost_where_that_takes_servers_of_its_own(fault: apart.Apart) -> None:
    row = fault(PACE)
    if row is None:
        pytest.skip("no server for it on this machine")
    nothing_is_lost(row)
