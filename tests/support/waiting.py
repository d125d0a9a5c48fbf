"""Wait for a condition that another thread or process brings about."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 30) -> T:
    """Call a condition until it holds, and return its value.

    Args:
        condition: What to look at.
        seconds: How long to wait at most; generous, since the machine may be busy with other tests.

    Raises:
        AssertionError: The condition did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.01)
    return value
