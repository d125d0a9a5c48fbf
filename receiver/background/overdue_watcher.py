"""Mark operations as overdue: no update arrives at that time, so a background loop looks for them.

Every process looks about once a second. The script marks each operation once, whichever process runs it, so one
process is enough and many do no harm. Due times are in the store: while no process runs, or the store is unavailable,
operations are marked later, and none is missed. They are compared with the store's clock, so a receiver whose clock is
wrong does not affect the others.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Final

from receiver.errors import StoreUnavailableError
from receiver.store.keys import due_key, overdue_key
from receiver.store.limits import ITEMS_PER_SCRIPT
from receiver.store.scripts import MARK_OVERDUE
from receiver.store.skipped_values import SkippedValues
from receiver.store.transport.store_client import Command, CommandSender
from receiver.supervision import Loop, Supervisor

_PERIOD_SECONDS: Final = 1.0
"""Seconds between two looks, and so the longest time until an overdue operation is marked."""

_PAUSE_AFTER_FAILURE: Final = 5.0
"""Seconds until the next look after the store has failed."""

_WITHIN_SECONDS: Final = 2.0
"""Seconds within which the store must answer a look."""

_log: Final = logging.getLogger(__name__)


class OverdueWatcher:
    """Marks operations as overdue.

    Args:
        store: sends the commands.
        skipped: counts records that could not be read; by default its own.
        clock: seconds since 1970, from 1 on, instead of the store's own clock; for tests.
        supervisor: runs the loop; by default one of its own.
    """

    def __init__(
        self,
        store: CommandSender,
        *,
        skipped: SkippedValues | None = None,
        clock: Callable[[], float] = lambda: 0.0,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store = store
        self._skipped = skipped or SkippedValues()
        self._clock = clock
        self._supervisor = supervisor or Supervisor()
        self._overdue = 0

    def start(self) -> None:
        """Look for overdue operations from now on, in the background. Call it once, after the process has forked."""
        self._supervisor.start("overdue-watcher", self._run)

    @property
    def overdue(self) -> int:
        """How many operations were overdue at the last look."""
        return self._overdue

    def mark(self) -> int:
        """Mark the operations that are overdue now; return how many there were.

        Raises:
            StoreUnavailableError: the store does not answer in time, or refuses.
        """
        return sum(self._mark())

    def _mark(self) -> Iterator[int]:
        """Yield how many operations each round trip marked, as long as there may be more."""
        found = ITEMS_PER_SCRIPT
        while found == ITEMS_PER_SCRIPT:
            now = round(self._clock() * 1000)
            mark: Command = MARK_OVERDUE.command([due_key()], now, ITEMS_PER_SCRIPT)
            count: Command = ("ZCARD", overdue_key())
            (found, unreadable), self._overdue = self._store.call([mark, count], within=_WITHIN_SECONDS)
            self._skipped.add("operation", "their results are due", unreadable)
            yield found

    def _run(self, loop: Loop) -> None:
        failed = False
        while True:
            try:
                for _ in self._mark():
                    loop.progress()
            except StoreUnavailableError as error:
                if not failed:
                    _log.warning(
                        "overdue operations are marked later, since the store is unavailable: %s",
                        error.detail,
                    )
                failed = True
            else:
                failed = False
            loop.progress()
            time.sleep(_PAUSE_AFTER_FAILURE if failed else _PERIOD_SECONDS)
