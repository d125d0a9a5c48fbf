"""The share of slow responses to Graph in the last ten minutes, compared with Graph's limits.

Graph documents its limits for change notifications: with more than 10 % of the responses over 3 s in ten minutes it
delays what it sends, with more than 15 % over 10 s it drops it. It documents none for call notifications.
https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 600.0
"""Seconds over which the shares are computed, as Graph does; also the least time between two warnings."""

SLOW: Final = 2.9
"""Seconds from which a response counts as slow: Graph's 3 less the time that it may spend on the network."""

VERY_SLOW: Final = 10.0
"""Seconds from which a response counts as very slow: Graph's own limit."""

SLOW_LIMIT: Final = 0.10
"""Share of slow responses above which Graph delays notifications."""

VERY_SLOW_LIMIT: Final = 0.15
"""Share of very slow responses above which Graph drops notifications."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """The number of responses, of those over 2.9 s, and of those over 10 s."""

    count: int = 0
    slow: int = 0
    very_slow: int = 0

    def since(self, before: "AnswerCounts") -> "AnswerCounts":
        """Return the difference to an earlier count."""
        return AnswerCounts(
            self.count - before.count, self.slow - before.slow, self.very_slow - before.very_slow
        )

    @property
    def slow_share(self) -> float:
        """The share of responses over 2.9 s."""
        return self.slow / self.count if self.count else 0.0

    @property
    def very_slow_share(self) -> float:
        """The share of responses over 10 s."""
        return self.very_slow / self.count if self.count else 0.0

    @property
    def are_too_slow(self) -> bool:
        """Whether a share exceeds Graph's limit."""
        return self.slow_share > SLOW_LIMIT or self.very_slow_share > VERY_SLOW_LIMIT


class SlowAnswers:
    """Counts the responses of the last ten minutes, from a total that only grows.

    Args:
        count: returns the total of all responses.
        clock: seconds, monotonic.
    """

    def __init__(
        self, count: Callable[[], AnswerCounts], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._clock = clock
        self._counts = deque([(clock(), count())])
        self._warned_at = -WINDOW

    @property
    def recent(self) -> AnswerCounts:
        """The responses of the last ten minutes, or since this process began; as of the last `tick`."""
        return self._counts[-1][1].since(self._counts[0][1])

    def tick(self) -> None:
        """Take the total again, and log a warning where a share exceeds Graph's limit, at most once in ten minutes."""
        now = self._clock()
        self._counts.append((now, self._count()))
        while self._counts[1][0] <= now - WINDOW:
            self._counts.popleft()
        recent = self.recent
        if recent.are_too_slow and now - self._warned_at >= WINDOW:
            self._warned_at = now
            _log.warning(
                "Responses to Graph are too slow: of %d in ten minutes %.1f %% took over 2.9 s (Graph's limit: "
                "10 %%), %.1f %% over 10 s (limit: 15 %%). Check the store's latency and this machine's load.",
                recent.count,
                recent.slow_share * 100,
                recent.very_slow_share * 100,
            )
