"""Store notifications: in the store, or in the spool while the store is unavailable.

Once the store has failed, no notification waits for it: each goes to the spool at once, until the drainer finds that
the store is back. Then new notifications go to the store, though older ones may still wait in the spool: the merge
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
"""The outcome of an item that waits in the spool."""

_FALLBACK_SECONDS: Final = 0.8
"""How much of a notification's time is reserved for the second place, if the first does not take it."""

_log: Final = logging.getLogger(__name__)


class NotificationSink(Protocol):
    """Stores the items of notifications: the `Writer`, or the `Intake` in front of it."""

    @property
    def is_full(self) -> bool:
        """Whether a notification that arrives now is refused, since too many are waiting."""

    def store(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        """Store the items of one notification; see `Writer.store`."""


class Outage:
    """Whether this process knows that the store does not take notifications."""

    def __init__(self) -> None:
        self._begun = threading.Event()

    @property
    def is_active(self) -> bool:
        """Whether the store does not take notifications."""
        return self._begun.is_set()

    def begin(self, reason: str) -> None:
        """Begin the outage: the store has failed."""
        if not self.is_active:
            _log.warning("the store is unavailable; notifications go to the spool: %s", reason)
        self._begun.set()

    def end(self) -> None:
        """End the outage: the store works again."""
        _log.warning("the store is available again; notifications go to it")
        self._begun.clear()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until an outage begins."""
        self._begun.wait(seconds)


class Intake:
    """Stores notifications in the store or in the spool.

    Args:
        writer: writes to the store.
        spool: takes the notifications that the store does not take.
        outage: whether to skip the store.
    """

    def __init__(self, writer: Writer, spool: Spool, outage: Outage) -> None:
        self._writer = writer
        self._spool = spool
        self._outage = outage

    @property
    def is_full(self) -> bool:
        """Whether a notification that arrives now is refused, since too many are waiting."""
        return self._spool.is_full and (self._outage.is_active or self._writer.is_full)

    def store(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        """Store the items of one notification; on return they are in the store or in the spool.

        Returns:
            The outcome of each item, as `Writer.store` returns it, or `spooled`.

        Raises:
            StoreUnavailableError: the items may be in neither.
        """
        if not items:
            return []
        deadline = time.monotonic() + within
        first: Callable[..., list[str]]
        second: Callable[..., list[str]]
        if self._outage.is_active:
            first, second = self._write_to_spool, self._writer.store
        else:
            first, second = self._write_to_store, self._write_to_spool
        try:
            return first(
                items, notification_id=notification_id, within=max(within / 2, within - _FALLBACK_SECONDS)
            )
        except StoreUnavailableError:
            return second(
                items, notification_id=notification_id, within=max(0.1, deadline - time.monotonic())
            )

    def _write_to_store(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        try:
            return self._writer.store(items, notification_id=notification_id, within=within)
        except (OverloadedError, WriteRefusedError):  # the store itself works
            raise
        except StoreUnavailableError as error:
            self._outage.begin(error.detail)
            raise

    def _write_to_spool(self, items: Sequence[Item], *, notification_id: str, within: float) -> list[str]:
        try:
            self._spool.put(items, notification_id=notification_id, within=within)
        except SpoolError as error:
            _log.error("%s", error)
            # The error names a path, and the sender may be unauthenticated: only the log gets it.
            raise StoreUnavailableError(
                "Neither the store nor the spool takes the notification now. See the receiver's log."
            ) from error
        return [SPOOLED] * len(items)
