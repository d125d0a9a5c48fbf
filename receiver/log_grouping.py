"""Grouping of log lines: of many lines of one kind, few are written, and each says how many were left out.

A client without a key can cause refusals as fast as they are answered; a line for each would fill the disk. The content
of a line is not known here.
"""

import logging
import time
from collections.abc import Callable, Hashable
from typing import Final

BETWEEN_LINES: Final = 0.02
"""Seconds in which lines of one kind share one: a line takes a tenth of the time of a whole request."""

_REFUSALS_A_SECOND: Final = 100
"""Lines about refusals of all kinds together: less than 100 MB an hour, whatever is sent."""

_BETWEEN_BUGS: Final = 1.0
_MOST_KINDS: Final = 1000

_root: Final = logging.getLogger()


class Grouping:
    """Decides which lines are written. At the level debug all are.

    Args:
        between: seconds between two lines of one kind.
        a_second: lines a second, of all kinds together.
        clock: seconds.
    """

    def __init__(
        self,
        between: float = BETWEEN_LINES,
        a_second: float = float("inf"),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._between = between
        self._a_second = a_second
        self._clock = clock
        self._written_at: dict[Hashable, float] = {}
        self._left_out: dict[Hashable, int] = {}
        self._second = 0
        self._in_second = 0

    def admit(self, kind: Hashable) -> int | None:
        """Decide on a line.

        Args:
            kind: what the line has in common with others, never a text that a client chose.

        Returns:
            How many lines of its kind were left out since the last one; None where this one is to be left out.
        """
        now = self._clock()
        if not _root.isEnabledFor(logging.DEBUG) and not self._has_room(kind, now):
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return None
        self._written_at[kind] = now
        self._in_second += 1
        return self._left_out.pop(kind, 0)

    def _has_room(self, kind: Hashable, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._in_second = int(now), 0
        if len(self._written_at) > _MOST_KINDS:
            self._written_at.clear()
        return self._in_second < self._a_second and now >= self._written_at.get(kind, 0.0) + self._between


ANSWERS: Final = Grouping()
"""Of the process: lines about answers, and about what we can't do."""

REFUSALS: Final = Grouping(a_second=_REFUSALS_A_SECOND)
"""Of the process: lines about what clients do wrong."""

BUGS: Final = Grouping(between=_BETWEEN_BUGS)
"""Of the process: lines with a traceback, of some kilobytes each."""
