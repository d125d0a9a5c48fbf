"""Deadlines: what becomes overdue does so without any news, so somebody has to look.

Every process looks, about once a second. The script that each runs tells of an operation once, whoever finds it; so
it does no harm that there are many, and one is enough. What is due is kept in the store: while no process runs, or
the store is away, operations become overdue later, and none is forgotten. It is compared with the store's clock: a
receiver whose clock is wrong does no harm to the others.
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

_PERIOD: Final = 1.0
_PAUSE_AFTER_FAILURE: Final = 5.0
_WITHIN: Final = 2.0

_log: Final = logging.getLogger(__name__)


class OverdueWatcher:
    """Tells of operations that have become overdue.

    Args:
        store: the way to Redis.
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
        """Look from now on, in the background, until the process ends. Call it once, after the process has forked."""
        self._supervisor.start("overdue-watcher", self._keep_looking)

    @property
    def overdue(self) -> int:
        """How many operations were overdue at the last look."""
        return self._overdue

    def look(self) -> int:
        """Tell of what is overdue now; return how much that was.

        Raises:
            StoreUnavailableError: the store doesn't answer in time, or refuses.
        """
        return sum(self._look())

    def _look(self) -> Iterator[int]:
        """Yield how much was overdue at each round trip, as long as there may be more."""
        found = ITEMS_PER_SCRIPT
        while found == ITEMS_PER_SCRIPT:
            now = round(self._clock() * 1000)
            mark: Command = MARK_OVERDUE.command([due_key()], now, ITEMS_PER_SCRIPT)
            count: Command = ("ZCARD", overdue_key())
            (found, unreadable), self._overdue = self._store.call([mark, count], within=_WITHIN)
            self._skipped.add("operation", "due", unreadable)
            yield found

    def _keep_looking(self, loop: Loop) -> None:
        failed = False
        while True:
            try:
                for _ in self._look():
                    loop.progress()
            except StoreUnavailableError as error:
                if not failed:
                    _log.warning("what is overdue is told later: %s", error.detail)
                failed = True
            else:
                failed = False
            loop.progress()
            time.sleep(_PAUSE_AFTER_FAILURE if failed else _PERIOD)
