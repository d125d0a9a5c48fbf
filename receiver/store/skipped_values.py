"""Skipping stored values that this version cannot read: another version's, a foreign key's, damaged ones.

A reader never fails for one of them: it passes over it, counts it, and logs it now and then. What is logged is the
kind of the value and the error's type, never the value, which may hold personal data.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, TypeVar, get_args

T = TypeVar("T")

Kind = Literal["operation", "call", "feed", "changes", "quarantine", "index", "session", "spool"]
"""What was skipped: a record of an operation or a call, an entry of a stream, a member of an index, and so on."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a value can raise that is not of the expected form. MemoryError and the like are no property of it."""

LOG_SECONDS: Final = 60.0
"""Seconds between two log entries of one kind; a list of 200 bad records would write 200."""

_log: Final = logging.getLogger(__name__)


class SkippedValues:
    """Counts and logs what was skipped.

    Args:
        on_skipped: called with the kind of each value that is skipped, and how many there are.
        clock: seconds; log entries are spaced by it.
    """

    def __init__(
        self,
        on_skipped: Callable[[Kind, int], None] = lambda *_: None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_skipped = on_skipped
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[Kind] = Counter()
        self._logged_at: dict[Kind, float] = {}
        self._unlogged: Counter[Kind] = Counter()

    def attempt(self, kind: Kind, read: Callable[[], T]) -> T | None:
        """Return what reading a value returns; None where it cannot be read, which is counted."""
        try:
            return read()
        except UNREADABLE as error:
            self.add(kind, type(error).__name__)
            return None

    def add(self, kind: Kind, reason: str, number: int = 1) -> None:
        """Count values that were skipped.

        Args:
            kind: of the values.
            reason: for the log, without anything of their content.
            number: how many.
        """
        if not number:
            return
        self._on_skipped(kind, number)
        with self._lock:
            self._counts[kind] += number
            self._unlogged[kind] += number
            now = self._clock()
            if now - self._logged_at.get(kind, -LOG_SECONDS) < LOG_SECONDS:
                return
            self._logged_at[kind] = now
            unlogged = self._unlogged.pop(kind)
        _log.warning("skipped %d stored values that cannot be read: %s (%s)", unlogged, kind, reason)

    @property
    def counts(self) -> dict[Kind, int]:
        """How many values were skipped since the process began, by kind; without those of which there were none."""
        with self._lock:
            return dict(self._counts)
