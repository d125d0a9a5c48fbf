"""Rate limiting of log lines: few lines of each kind are written, each with the number of those left out.

A client without a key can cause refusals as fast as they are answered; a line for each would fill the disk. This module
does not know the content of a line.
"""

import logging
import time
from collections.abc import Callable, Hashable
from typing import Final

BETWEEN_LINES: Final = 0.02
"""Seconds between two lines of one kind. A line costs a tenth of a whole request; more seconds lose detail."""

_REFUSALS_A_SECOND: Final = 100
"""Lines a second about refusals of all kinds together, which limits the log to 100 MB an hour."""

_BETWEEN_BUGS: Final = 1.0
"""Seconds between two lines of one kind with a traceback."""

_MAX_KINDS: Final = 1000
"""Kinds whose times are kept; beyond that all are forgotten, so that the memory is bounded."""

_root: Final = logging.getLogger()


class Grouping:
    """Decides which log lines are written; at the level debug, all are.

    Args:
        between: seconds between two lines of one kind.
        a_second: limit of lines a second, of all kinds together.
        clock: monotonic seconds.
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
        """Decide whether a line is written.

        Args:
            kind: groups equal lines; never a text that a client chooses.

        Returns:
            The number of lines of its kind left out since the last one; None where this one is left out.
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
        if len(self._written_at) > _MAX_KINDS:
            self._written_at.clear()
        return self._in_second < self._a_second and now >= self._written_at.get(kind, 0.0) + self._between


ANSWERS: Final = Grouping()
"""The process's limit of lines about responses, and about failures of the receiver."""

REFUSALS: Final = Grouping(a_second=_REFUSALS_A_SECOND)
"""The process's limit of lines about errors of clients."""

BUGS: Final = Grouping(between=_BETWEEN_BUGS)
"""The process's limit of lines with a traceback, of some kilobytes each."""
