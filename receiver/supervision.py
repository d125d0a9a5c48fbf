"""Supervision of background loops: an unexpected error is logged and counted, and the loop runs again.

A loop that ends, that fails again and again, or that makes no progress is reported by name, so that `/readyz` can
fail. This module does not know what the loops do.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final

PATIENCE_SECONDS: Final = 30.0
"""Seconds without progress after which a loop is reported; more than the longest time-out within an iteration."""

FAILURES_IN_A_ROW: Final = 3
"""Failures in a row, without progress between them, after which a loop is reported."""

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0
"""Seconds up to which the pause after a failure doubles: a permanent error is logged every 5 s."""

_log: Final = logging.getLogger(__name__)


def _pause(seconds: float) -> None:
    """Pause this loop only: `time.sleep` is looked up now, since gevent may have replaced it after the import."""
    time.sleep(seconds)


class Loop:
    """A background loop, by which its function reports progress to the supervisor.

    Args:
        name: appears in logs, in the metric and in `/readyz`.
        patience: seconds without progress after which the loop is reported.
        clock: monotonic seconds.
    """

    def __init__(self, name: str, patience: float, clock: Callable[[], float]) -> None:
        self.name = name
        self.failures = 0
        """Failures in a row, since the last progress."""

        self._patience = patience
        self._clock = clock
        self._progress_at: float | None = clock()
        self._failed_at = -math.inf
        self._error = ""
        self.thread: threading.Thread | None = None
        self.has_ended = False

    def progress(self) -> None:
        """Report that an iteration has succeeded."""
        self._progress_at = self._clock()
        self.failures = 0

    def idle(self) -> None:
        """Report that there is no work: until `begin`, no progress is expected."""
        self._progress_at = None

    def begin(self) -> None:
        """Report that there is work: from now on, progress is expected."""
        self._progress_at = self._clock()

    def fail(self, error: Exception) -> float:
        """Record an unexpected error.

        Returns:
            Seconds to pause before the loop runs again.
        """
        now = self._clock()
        self.failures = self.failures + 1 if now - self._failed_at <= self._patience else 1
        self._failed_at, self._error = now, type(error).__name__
        return min(_FIRST_PAUSE_SECONDS * 2.0 ** (self.failures - 1), _LONGEST_PAUSE_SECONDS)

    @property
    def problem(self) -> str | None:
        """What is wrong with the loop, in one sentence; None where it works."""
        if self.has_ended:
            return None
        if self.thread is None or not self.thread.is_alive():
            return "The loop has ended."
        if self.failures >= FAILURES_IN_A_ROW and self._clock() - self._failed_at <= self._patience:
            return f"The loop has failed {self.failures} times in a row ({self._error})."
        if self._progress_at is not None and (silent := self._clock() - self._progress_at) > self._patience:
            failed = f"; its last error was {self._error}" if self.failures else ""
            return f"The loop has made no progress for {silent:.0f} s{failed}."
        return None


class Supervisor:
    """Starts the background loops of a process, and restarts each when it fails.

    Args:
        on_failure: called with a loop's name at each unexpected error.
        clock: monotonic seconds.
        sleep: pauses after a failure.
    """

    def __init__(
        self,
        on_failure: Callable[[str], None] = lambda _: None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = _pause,
    ) -> None:
        self._on_failure = on_failure
        self._clock = clock
        self._sleep = sleep
        self._loops: list[Loop] = []

    def start(self, name: str, run: Callable[[Loop], None], *, patience: float = PATIENCE_SECONDS) -> Loop:
        """Run a loop in its own thread, until it returns or the process ends. Call it after the fork.

        Args:
            name: appears in logs, in the metric and in `/readyz`.
            run: the loop. It reports `progress` at the end of each iteration; `idle` before it waits for work without
                a time-out, and `begin` after. After an exception it is called again.
            patience: seconds without progress after which the loop is reported.
        """
        loop = Loop(name, patience, self._clock)
        self._loops.append(loop)
        loop.thread = threading.Thread(target=self._supervise, args=(loop, run), name=name, daemon=True)
        loop.thread.start()
        return loop

    @property
    def problems(self) -> dict[str, str]:
        """The loops that do not work, by name, and the problem of each."""
        return {loop.name: problem for loop in tuple(self._loops) if (problem := loop.problem)}

    def _supervise(self, loop: Loop, run: Callable[[Loop], None]) -> None:
        while True:
            try:
                run(loop)
            except Exception as error:  # noqa: BLE001 - logged, counted and reported
                pause = loop.fail(error)
                _log.exception("background loop %s failed; it runs again in %s s", loop.name, pause)
                self._on_failure(loop.name)
                self._sleep(pause)
            else:
                loop.has_ended = True
                return
