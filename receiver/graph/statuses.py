"""Ranks of operation statuses and call states: an update with a higher rank is later in the life cycle.

Graph's sets are open (new values may appear any day, and the CSDL writes them in PascalCase), so they are stored as
text and compared case-insensitively; an unknown value must not raise.
"""

from collections.abc import Mapping
from typing import Final

FINAL_RANK: Final = 2
"""The rank of a final status: no later update changes the result."""

ENDED_RANK: Final = 4
"""The rank of the state of a call that has ended."""

_UNKNOWN_STATUS_RANK: Final = 1
_UNKNOWN_STATE_RANK: Final = 2

_STATUS_RANKS: Final = {"notStarted": 0, "running": 1, "completed": FINAL_RANK, "failed": FINAL_RANK}
_STATE_RANKS: Final = {
    "incoming": 0,
    "establishing": 1,
    "established": 2,
    "hold": 2,
    "transferring": 2,
    "transferAccepted": 2,
    "redirecting": 2,
    "terminating": 3,
    "terminated": ENDED_RANK,
}


def _by_lower_case(names: Mapping[str, int]) -> dict[str, str]:
    return {name.lower(): name for name in names}


_STATUSES: Final = _by_lower_case(_STATUS_RANKS)
_STATES: Final = _by_lower_case(_STATE_RANKS)


def normalize_status(text: str) -> str:
    """Return a known operation status in the spelling of Graph's documentation, and an unknown one unchanged."""
    return _STATUSES.get(text.lower(), text)


def status_rank(status: str) -> int:
    """Return the rank of a normalized operation status; an unknown or empty one ranks as running."""
    return _STATUS_RANKS.get(status, _UNKNOWN_STATUS_RANK)


def is_done(status: str) -> bool:
    """Return whether a normalized status is final."""
    return status_rank(status) == FINAL_RANK


def normalize_state(text: str) -> str:
    """Return a known call state in the spelling of Graph's documentation, and an unknown one unchanged."""
    return _STATES.get(text.lower(), text)


def state_rank(state: str) -> int:
    """Return the rank of a normalized call state; an unknown or empty one ranks as established."""
    return _STATE_RANKS.get(state, _UNKNOWN_STATE_RANK)
