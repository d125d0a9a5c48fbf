"""The bound of a line: how many may stand in it, so that the last of them is still served in time."""

from typing import Final

_FEW: Final = 16
"""So many hardly take longer than one, and so many may stand in line in any case."""

_LEAST_SECONDS: Final = 1e-4


class QueueLimit:
    """Bounds a line by what was done of late: a bound that is fixed is too high where service gets slow.

    Args:
        most: the bound where service is quick.
        in_time: seconds in which whoever joins the line must be able to expect to be served.
    """

    def __init__(self, most: int, in_time: float) -> None:
        self._most = most
        self._in_time = in_time
        self._bound = float(most)

    def admits(self, waiting: int) -> bool:
        """Tell whether one more may join a line in which so many stand."""
        return waiting < min(self._most, max(_FEW, self._bound))

    def observe(self, served: int, took: float, *, at_once: int = 1) -> None:
        """Take into account how many were just served together.

        Args:
            served: how many; few may be taken for more, since they alone did not take the time.
            took: seconds.
            at_once: how many such services may be under way.
        """
        per_second = at_once * max(_FEW, served) / max(took, _LEAST_SECONDS)
        expected = per_second * (self._in_time - 1.5 * took)  # half of one that is under way, and one's own
        self._bound = min(expected, 2 * max(_FEW, self._bound), self._most)
