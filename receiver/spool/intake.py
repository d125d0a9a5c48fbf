"""The intake: every notification goes to the store, or where that is not possible to the spool.

Once the store has failed, nobody waits for it again: notifications go to the spool at once, until the drainer has
found the store to be back. Then they go to the store, though older ones may still wait in the spool: the merge
gives the same record in any order.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from receiver.errors import OverloadedError, StoreUnavailableError, WriteRefusedError
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_queue import Spool
from receiver.store.writer import Item, Writer

SPOOLED: Final = "spooled"
"""What became of news that waits in the spool."""

_SECOND_SECONDS: Final = 0.8
"""Of the time that a notification has, so much is left for where it goes if the first does not take it."""

_log: Final = logging.getLogger(__name__)


class NotificationSink(Protocol):
    """Keeps news: the writer, or the intake before it."""

    @property
    def is_full(self) -> bool:
        """Whether news that comes now is refused, since too much is under way."""

    def store(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        """Keep all that one notification brought; see `Writer.store`."""


class Outage:
    """Whether the store is known not to take notifications, in this process."""

    def __init__(self) -> None:
        self._begun = threading.Event()

    @property
    def lasts(self) -> bool:
        """It is known not to."""
        return self._begun.is_set()

    def begin(self, reason: str) -> None:
        """Say that the store has failed."""
        if not self.lasts:
            _log.warning("the store does not take notifications, they go to the spool: %s", reason)
        self._begun.set()

    def end(self) -> None:
        """Say that the store works again."""
        _log.warning("the store takes notifications again")
        self._begun.clear()

    def wait(self, seconds: float) -> None:
        """Return as soon as an outage has begun, or when the time is over."""
        self._begun.wait(seconds)


class Intake:
    """Keeps notifications, in the store or in the spool.

    Args:
        writer: writes to the store.
        spool: takes what the store does not.
        outage: tells whether to try the store at all.
    """

    def __init__(self, writer: Writer, spool: Spool, outage: Outage) -> None:
        self._writer = writer
        self._spool = spool
        self._outage = outage

    @property
    def is_full(self) -> bool:
        """Whether news that comes now is refused, since too much is under way."""
        return self._spool.is_full and (self._outage.lasts or self._writer.is_full)

    def store(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        """Keep all that one notification brought; on return the store or the spool has taken it.

        Returns:
            What became of each, as `Writer.store` does, or `spooled`.

        Raises:
            StoreUnavailableError: neither is sure to have it.
        """
        if not items:
            return []
        deadline = time.monotonic() + within
        first: Callable[..., list[str]]
        second: Callable[..., list[str]]
        if self._outage.lasts:
            first, second = self._put_into_spool, self._writer.store
        else:
            first, second = self._put_into_store, self._put_into_spool
        try:
            return first(
                items, notification_id=notification_id, within=max(within / 2, within - _SECOND_SECONDS)
            )
        except StoreUnavailableError:
            return second(
                items, notification_id=notification_id, within=max(0.1, deadline - time.monotonic())
            )

    def _put_into_store(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        try:
            return self._writer.store(items, notification_id=notification_id, within=within)
        except (OverloadedError, WriteRefusedError):  # the store itself works
            raise
        except StoreUnavailableError as error:
            self._outage.begin(error.detail)
            raise

    def _put_into_spool(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        try:
            self._spool.put(items, notification_id=notification_id, within=within)
        except SpoolError as error:
            _log.error("%s", error)
            # The error names a path, and the client may have no key: only the log gets it.
            raise StoreUnavailableError(
                "Neither the store nor the spool takes it now. See the log."
            ) from error
        return [SPOOLED] * len(items)
