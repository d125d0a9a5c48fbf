"""Snapshots: the latest operation of a client context, with the position of the feed just before it was read.

Waiting clients ask in herds: after an outage, at the end of many waits, after events were missed. Requests that read
at the same time share a round trip, and those that read the same client context share the reply.
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
"""Seconds within which the store must answer the round trip that reads snapshots."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The latest operation of a client context, if there is one, with all changes up to a position of the feed."""

    record: OperationRecord | None
    position: str


class Snapshots:
    """Reads snapshots. Requests that read at the same time share round trips.

    Args:
        store: sends the commands.
        reader: finds the next record if the latest cannot be read.
    """

    def __init__(self, store: CommandSender, reader: Reader) -> None:
        self._store = store
        self._reader = reader
        self._lock = threading.Lock()
        self._wanted: dict[str, Future[Snapshot]] = {}

    def latest(self, client_context: str) -> Snapshot:
        """Return a snapshot of a client context that was read after this call began.

        Raises:
            StoreUnavailableError: the store does not answer in time.
        """
        with self._lock:
            leads = not self._wanted
            found = self._wanted.setdefault(client_context, Future())
        if leads:
            time.sleep(0)  # the requests that are ready now join the round trip
            with self._lock:
                wanted, self._wanted = self._wanted, {}
            self._read_all(wanted)
        return found.result()

    def _read_all(self, wanted: dict[str, Future[Snapshot]]) -> None:
        contexts = list(wanted)
        failure = StoreUnavailableError("The read was aborted. Try again.")
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
            # The store works: the value of one client context is damaged, and must not fail the others.
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
