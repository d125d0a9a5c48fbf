"""The drainer: brings in what waits in the spool, once the store is back.

Every process has one, and finds out for itself when the store is back; one at a time takes entries out. An entry is
deleted when the store has it: a process that ends in between leaves it to the next, and the merge knows its delivery.

Reading and merging come first and need nothing of the disk but to be read: where an entry can't be deleted (the disk is
full), the next one is brought in all the same.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final

from receiver.errors import OverloadedError, StoreUnavailableError, WriteRefusedError
from receiver.spool.entry_codec import decode_items
from receiver.spool.intake import Outage
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_file import Entry
from receiver.spool.spool_queue import Spool
from receiver.store.skipped_values import UNREADABLE, SkippedValues
from receiver.store.writer import Writer
from receiver.supervision import Loop, Supervisor

_LOOK_EVERY: Final = 1.0
_PAUSE_AFTER_FAILURE: Final = 0.5
_WITHIN: Final = 5.0
_PROBE_WITHIN: Final = 2.0
_GAP: Final = 0.02
_WAIT_FOR_STORE: Final = 5.0
_TRIES: Final = 3
_SECONDS_PER_DAY: Final = 86400
_EXPIRE_EVERY: Final = 3600.0
_log: Final = logging.getLogger(__name__)


class Drainer:
    """Empties the spool into the store.

    Args:
        spool: what is to be brought in, also what an earlier process has left.
        writer: writes to the store.
        outage: ended when the store is back.
        retention_days: how long an entry is kept that can't be merged.
        skipped: counts entries that can't be read; by default its own.
        supervisor: runs the loop; by default one of its own.
    """

    def __init__(
        self,
        spool: Spool,
        writer: Writer,
        outage: Outage,
        *,
        retention_days: int,
        skipped: SkippedValues | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._skipped = skipped or SkippedValues()
        self._supervisor = supervisor or Supervisor()
        self._spool = spool
        self._writer = writer
        self._outage = outage
        self._retention = retention_days * _SECONDS_PER_DAY
        self._expire_at = 0.0
        self._refusals: dict[int, int] = {}
        self._busy = False
        self._closed = False
        self._is_untidy = False
        self._trouble = ""

    def start(self) -> None:
        """Look after the spool from now on, in the background. Call it after the process has forked."""
        self._supervisor.start("spool-drainer", self._run)

    def close(self) -> None:
        """Look after the spool no more; what is under way is finished."""
        self._closed = True

    def is_unfinished(self, waited: float) -> bool:
        """Tell whether an end of the process had better wait for what is in the spool.

        Args:
            waited: the seconds for which it has; for a store that is away it does not wait as long, since nobody
                may be listening meanwhile.
        """
        if self._busy:
            return True
        return (not self._outage.lasts or waited < _WAIT_FOR_STORE) and self._waits()

    def _run(self, loop: Loop) -> None:
        while not self._closed:
            loop.progress()
            try:
                self._await_store()
                self._drain(loop)
                self._clean_up()
            except OverloadedError:  # those who wait for an answer go first
                time.sleep(_PAUSE_AFTER_FAILURE)
            except StoreUnavailableError as error:
                self._outage.begin(error.detail)
                time.sleep(_PAUSE_AFTER_FAILURE)
            except SpoolError as error:
                self._complain(str(error))
                time.sleep(_LOOK_EVERY)
            else:
                self._trouble = ""
                self._outage.wait(_LOOK_EVERY)

    def _waits(self) -> bool:
        depth = self._spool.depth()
        return depth is not None and depth.waiting > 0

    def _clean_up(self) -> None:
        """Write to the disk what could not be written to it while there were entries to bring in."""
        self._spool.remove_done()
        if self._is_untidy:
            self._spool.tidy()
            self._is_untidy = False
        if time.monotonic() >= self._expire_at:
            self._spool.delete_dead_letters(self._retention)
            self._expire_at = time.monotonic() + _EXPIRE_EVERY

    def _await_store(self) -> None:
        if self._outage.lasts:
            self._writer.probe(within=_PROBE_WITHIN)
            self._outage.end()

    def _drain(self, loop: Loop) -> None:
        began = last = time.monotonic()
        total = position = 0
        try:
            while entries := self._drain_some(position, loop):
                self._busy = True
                loop.progress()
                total += len(entries)
                position = entries[-1].id
                self._make_way(time.monotonic() - last)
                last = time.monotonic()
        finally:
            self._busy = False
        if total:
            self._is_untidy = True
            _log.info("went through the spool: %d entries in %.1f s", total, time.monotonic() - began)

    def _make_way(self, took: float) -> None:
        """Leave half of a slow store's time to what comes meanwhile, and the spool to who wants to forget something."""
        time.sleep(min(_WITHIN, max(_GAP, took)))

    def _drain_some(self, position: int, loop: Loop) -> list[Entry]:
        """Bring in the oldest entries after a position, unless another process is doing it; return them."""
        with self._spool.hold(0) as held:
            entries = self._spool.next(position) if held else []
            if entries:
                self._remove(self._bring_in_all(entries, loop))
            return entries

    def _remove(self, entries: Sequence[Entry]) -> None:
        try:
            self._spool.remove(entries)
        except SpoolError as error:
            self._complain(f"What the store has taken is removed from the spool later. {error}")

    def _bring_in_all(self, entries: Sequence[Entry], loop: Loop) -> Sequence[Entry]:
        """Have the store merge entries; return those that it did."""
        try:
            deliveries = [
                (decode_items(entry.items), entry.notification_id, self._spool.age_of(entry))
                for entry in entries
            ]
            self._writer.store_all(deliveries, within=_WITHIN)
        except (WriteRefusedError, *UNREADABLE):  # one of them; which, is found out one by one
            return [entry for entry in entries if self._bring_in(entry, loop)]
        return entries

    def _bring_in(self, entry: Entry, loop: Loop) -> bool:
        """Have the store merge an entry; tell whether it did.

        A refusal counts only where the store takes something else right after: one that refuses everything, for
        whatever reason, is away, and nothing is put aside for it.
        """
        loop.progress()
        try:
            age = self._spool.age_of(entry)
            self._writer.store(
                decode_items(entry.items), notification_id=entry.notification_id, within=_WITHIN, age=age
            )
        except WriteRefusedError as error:
            self._writer.probe(within=_PROBE_WITHIN)
            self._refusals[entry.id] = self._refusals.get(entry.id, 0) + 1
            if self._refusals[entry.id] >= _TRIES:
                self._bury(entry, error.detail)
            return False
        except UNREADABLE as error:
            self._skipped.add("spool", type(error).__name__)
            self._bury(entry, f"{type(error).__name__}: {error}")
            return False
        return True

    def _bury(self, entry: Entry, reason: str) -> None:
        try:
            self._spool.dead_letter(entry, reason)
        except SpoolError as error:  # it stays where it is, and the others are brought in
            self._complain(str(error))
            return
        self._refusals.pop(entry.id, None)
        _log.error("entry %d of the spool can't be merged, and is put aside: %.200s", entry.id, reason)

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.error("%s", trouble)
        self._trouble = trouble
