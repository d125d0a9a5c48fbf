"""Statuses and states: open sets, compared case-insensitively, ranked by the life cycle."""

import pytest

from receiver.graph.statuses import (
    ENDED_RANK,
    FINAL_RANK,
    is_done,
    normalize_state,
    normalize_status,
    state_rank,
    status_rank,
)


@pytest.mark.parametrize(
    ("written", "status", "rank"),
    [
        ("notStarted", "notStarted", 0),
        ("NotStarted", "notStarted", 0),
        ("running", "running", 1),
        ("Running", "running", 1),
        ("completed", "completed", FINAL_RANK),
        ("COMPLETED", "completed", FINAL_RANK),
        ("Failed", "failed", FINAL_RANK),
        ("paused", "paused", 1),
        ("UnknownFutureValue", "UnknownFutureValue", 1),
        ("", "", 1),
    ],
)
def test_status_has_a_spelling_and_a_rank(written: str, status: str, rank: int) -> None:
    assert normalize_status(written) == status
    assert status_rank(status) == rank
    assert is_done(status) is (rank == FINAL_RANK)


@pytest.mark.parametrize(
    ("written", "state", "rank"),
    [
        ("Incoming", "incoming", 0),
        ("establishing", "establishing", 1),
        ("Established", "established", 2),
        ("hold", "hold", 2),
        ("transferring", "transferring", 2),
        ("TransferAccepted", "transferAccepted", 2),
        ("redirecting", "redirecting", 2),
        ("terminating", "terminating", 3),
        ("Terminated", "terminated", ENDED_RANK),
        ("dreaming", "dreaming", 2),
        ("", "", 2),
    ],
)
def test_call_state_has_a_spelling_and_a_rank(written: str, state: str, rank: int) -> None:
    assert normalize_state(written) == state
    assert state_rank(state) == rank
