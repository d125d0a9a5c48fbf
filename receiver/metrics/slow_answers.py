"""How fast Graph is answered: the share of slow answers in the last ten minutes, against what Graph bears.

For change notifications Graph tells: with more than 10 % of the answers over 3 s in ten minutes it delays what it
sends, with more than 15 % over 10 s it drops it. For call notifications it tells nothing better.
https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 600.0
SLOW: Final = 2.9
"""Seconds: a little less than Graph's 3, as much as an answer may be under way."""

VERY_SLOW: Final = 10.0
SLOW_LIMIT: Final = 0.10
VERY_SLOW_LIMIT: Final = 0.15

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answers:
    """How many answers there were, how many of them took more than 2.9 s, and more than 10 s."""

    count: int = 0
    slow: int = 0
    very_slow: int = 0

    def since(self, before: "Answers") -> "Answers":
        """Return those that came after others had been counted."""
        return Answers(self.count - before.count, self.slow - before.slow, self.very_slow - before.very_slow)

    @property
    def slow_share(self) -> float:
        """The share of those over 2.9 s."""
        return self.slow / self.count if self.count else 0.0

    @property
    def very_slow_share(self) -> float:
        """The share of those over 10 s."""
        return self.very_slow / self.count if self.count else 0.0

    @property
    def are_too_slow(self) -> bool:
        """There are more of them than Graph bears."""
        return self.slow_share > SLOW_LIMIT or self.very_slow_share > VERY_SLOW_LIMIT


class SlowAnswers:
    """The answers of the last ten minutes, out of a count that only grows.

    Args:
        count: counts all answers that there have been.
        clock: seconds, never going back.
    """

    def __init__(self, count: Callable[[], Answers], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._counts = deque([(clock(), count())])
        self._warned_at = -WINDOW

    @property
    def recent(self) -> Answers:
        """The answers of the last ten minutes, or since this process began; as of the last `tick`."""
        return self._counts[-1][1].since(self._counts[0][1])

    def tick(self) -> None:
        """Count again, and warn where Graph is answered too slowly, at most once in ten minutes."""
        now = self._clock()
        self._counts.append((now, self._count()))
        while self._counts[1][0] <= now - WINDOW:
            self._counts.popleft()
        recent = self.recent
        if recent.are_too_slow and now - self._warned_at >= WINDOW:
            self._warned_at = now
            _log.warning(
                "Graph is answered too slowly: of %d answers in ten minutes %.1f %% took over 2.9 s (it bears "
                "10 %%), %.1f %% over 10 s (15 %%). Is the store slow, or this machine?",
                recent.count,
                recent.slow_share * 100,
                recent.very_slow_share * 100,
            )
