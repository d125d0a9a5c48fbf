"""Snapshots: the latest operation of a client context, and where the feed was just before it was read.

Clients that wait ask in herds: after an outage, at the end of many waits, when events were missed. Requests that ask
at the same time share a round trip, and those that ask for the same client context share the reply.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from receiver.errors import StoreUnavailableError, WriteRefusedError
from receiver.store.feed import EXTENT, read_extent
from receiver.store.keys import context_key
from receiver.store.limits import ITEMS_PER_SCRIPT
from receiver.store.reader import Reader
from receiver.store.records import OperationRecord
from receiver.store.scripts import GET_LATEST
from receiver.store.skipped_values import UNREADABLE
from receiver.store.transport.store_client import CommandSender

_WITHIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The latest operation of a client context, if there is any, with all changes up to a position in the feed."""

    record: OperationRecord | None
    position: str


class Snapshots:
    """Reads snapshots; requests that ask at the same time share round trips.

    Args:
        store: the way to Redis.
        reader: finds the next one where the latest can't be read.
    """

    def __init__(self, store: CommandSender, reader: Reader) -> None:
        self._store = store
        self._reader = reader
        self._lock = threading.Lock()
        self._wanted: dict[str, Future[Snapshot]] = {}

    def latest(self, client_context: str) -> Snapshot:
        """Return the latest operation of a client context, as it is now or later.

        Raises:
            StoreUnavailableError: the store doesn't answer in time.
        """
        with self._lock:
            leads = not self._wanted
            found = self._wanted.setdefault(client_context, Future())
        if leads:
            time.sleep(0)  # the requests that are ready now join
            with self._lock:
                wanted, self._wanted = self._wanted, {}
            self._read_all(wanted)
        return found.result()

    def _read_all(self, wanted: dict[str, Future[Snapshot]]) -> None:
        contexts = list(wanted)
        failure = StoreUnavailableError("The read was broken off. Try again.")
        try:
            for start in range(0, len(contexts), ITEMS_PER_SCRIPT):
                self._read(contexts[start : start + ITEMS_PER_SCRIPT], wanted)
        except StoreUnavailableError as error:
            failure = error
        finally:
            for future in wanted.values():
                if not future.done():
                    future.set_exception(failure)

    def _read(self, contexts: Sequence[str], wanted: dict[str, Future[Snapshot]]) -> None:
        """Read snapshots of some client contexts in one round trip: first the position, then the operations."""
        commands = [GET_LATEST.command([context_key(one)]) for one in contexts]
        try:
            [extent, *replies] = self._store.call([EXTENT, *commands], within=_WITHIN_SECONDS)
        except WriteRefusedError as error:
            # The store works: one of them is odd, and must not fail the others.
            if len(contexts) == 1:
                wanted[contexts[0]].set_exception(error)
                return
            for context in contexts:
                self._read([context], wanted)
            return
        position = read_extent(extent).newest
        for context, reply in zip(contexts, replies, strict=True):
            record = self._record(context, reply) if reply else None
            wanted[context].set_result(Snapshot(record, position))

    def _record(self, context: str, reply: Sequence[Any]) -> OperationRecord | None:
        try:
            return OperationRecord.parse(*reply)
        except UNREADABLE:
            return self._reader.latest(context)
