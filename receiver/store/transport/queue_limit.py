"""The limit of a queue: how many may wait in it, so that the last of them is still served in time."""

from typing import Final

_MIN_SIZE: Final = 16
"""How many may wait in any case: serving so many together hardly takes longer than serving one."""

_MIN_SECONDS: Final = 1e-4
"""Seconds that a service counts as having taken at least, where the clock is too coarse to measure it."""


class QueueLimit:
    """Limits a queue by how fast it was served lately. A fixed limit would be too high when service becomes slow.

    Args:
        most: the limit where service is fast.
        in_time: seconds in which the last one in the queue must be able to expect to be served.
    """

    def __init__(self, most: int, in_time: float) -> None:
        self._most = most
        self._in_time = in_time
        self._limit = float(most)

    def admits(self, waiting: int) -> bool:
        """Return whether one more may join a queue in which so many wait."""
        return waiting < min(self._most, max(_MIN_SIZE, self._limit))

    def observe(self, served: int, took: float, *, at_once: int = 1) -> None:
        """Adjust the limit to how many were just served together.

        Args:
            served: how many; fewer than `_MIN_SIZE` count as that many, since their number did not cause the time.
            took: seconds.
            at_once: how many such services may be under way.
        """
        per_second = at_once * max(_MIN_SIZE, served) / max(took, _MIN_SECONDS)
        time_left = (
            self._in_time - 1.5 * took
        )  # half of the service under way, and the last one's own, take time, too
        expected = per_second * time_left
        self._limit = min(expected, 2 * max(_MIN_SIZE, self._limit), self._most)
