"""Every fault of the table, for a shorter time: what is answered 202 is stored afterwards, once, and right."""

from collections.abc import Iterator

import pytest

from receiver.metrics.slow_answers import VERY_SLOW
from tests.faults import common, isolated
from tests.faults.account import Row
from tests.faults.bench import Bench, bench

PACE = 0.1

TESTED_ELSEWHERE = {isolated.with_a_full_spool, isolated.without_a_spool}
"""Faults that tests/web covers in less time."""


@pytest.fixture(scope="module")
def running() -> Iterator[Bench]:
    with bench(PACE) as made:
        yield made


def assert_nothing_lost(row: Row) -> None:
    assert row.defects == [], row
    assert row.accepted >= 40
    assert row.slowest < VERY_SLOW, "Graph waits no longer; the program measures the 2.5 s that are promised"


@pytest.mark.parametrize("name", common.COMMON)
def test_fault_loses_nothing_answered_202(running: Bench, name: str) -> None:
    fault = common.COMMON[name]
    assert_nothing_lost(running.run(name, fault, may_be=common.may_be(fault)))


@pytest.mark.parametrize("fault", [fault for fault in isolated.ISOLATED if fault not in TESTED_ELSEWHERE])
def test_isolated_fault_loses_nothing_answered_202(fault: isolated.IsolatedFault) -> None:
    row = fault(PACE)
    if row is None:
        pytest.skip("no server for it on this machine")
    assert_nothing_lost(row)
