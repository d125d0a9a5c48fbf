"""Skip stored values that this version cannot read: those of another version or another program, and damaged ones.

A reader never fails because of one: it skips, counts and, at intervals, logs it. The log gets the kind of the value
and the type of the error, never the value, which may hold personal data.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, TypeVar, get_args

T = TypeVar("T")

Kind = Literal["operation", "call", "feed", "changes", "quarantine", "index", "session", "spool"]
"""The kind of a skipped value: an operation or call record, an entry of a stream, a member of an index, and so on."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a value of an unexpected form can raise. MemoryError and the like do not depend on the value."""

LOG_SECONDS: Final = 60.0
"""Seconds between two log entries of one kind: a list of 200 bad records would otherwise write 200."""

_log: Final = logging.getLogger(__name__)


class SkippedValues:
    """Counts and logs skipped values.

    Args:
        on_skipped: called with the kind and the number of values whenever values are skipped.
        clock: seconds; it spaces log entries.
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
        """Return what `read` returns; if it raises one of `UNREADABLE`, count that and return None."""
        try:
            return read()
        except UNREADABLE as error:
            self.add(kind, type(error).__name__)
            return None

    def add(self, kind: Kind, reason: str, number: int = 1) -> None:
        """Count skipped values.

        Args:
            kind: the kind of the values.
            reason: for the log; must not contain any of their content.
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
        """How many values were skipped since the process began, by kind; kinds without any are absent."""
        with self._lock:
            return dict(self._counts)
