"""Replay the spool: merge the notifications that wait there into the store, once it is back.

Every process has a drainer, which finds out for itself when the store is back; one process at a time takes entries
out. An entry is removed when the store has merged it: if a process ends in between, the next one merges the entry
again, and the merge knows its notification id.

Reading and merging need only to read the disk, and come first: if an entry can't be removed (the disk is full), the
next one is replayed all the same.
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

_CHECK_SECONDS: Final = 1.0
"""How often the spool is checked while the store is available."""

_PAUSE_AFTER_FAILURE: Final = 0.5
"""Seconds until the next attempt after the store has failed."""

_WITHIN_SECONDS: Final = 5.0
"""Seconds within which the store must merge some entries; also the longest pause between two such writes."""

_PROBE_SECONDS: Final = 2.0
"""Seconds within which the store must answer a probe."""

_MIN_PAUSE: Final = 0.02
"""Shortest pause in seconds between two writes, in which others get the spool's lock."""

_STOP_SECONDS: Final = 5.0
"""How long a process that stops waits for a store that is unavailable."""

_ATTEMPTS: Final = 3
"""How often the store must reject an entry, though it works, before the entry becomes a dead letter."""

_SECONDS_PER_DAY: Final = 86400
_EXPIRE_SECONDS: Final = 3600.0
"""How often old dead letters are deleted."""

_log: Final = logging.getLogger(__name__)


class Drainer:
    """Replays the spool into the store.

    Args:
        spool: the notifications to replay, also those that an earlier process has left.
        writer: writes to the store.
        outage: the drainer ends it when the store is back.
        retention_days: how long a dead letter is stored.
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
        self._rejections: dict[int, int] = {}
        self._busy = False
        self._closed = False
        self._has_log_to_truncate = False
        self._logged = ""

    def start(self) -> None:
        """Replay the spool from now on, in the background. Call it after the process has forked."""
        self._supervisor.start("spool-drainer", self._run)

    def close(self) -> None:
        """Stop replaying after the entries that are under way."""
        self._closed = True

    def is_unfinished(self, waited: float) -> bool:
        """Return whether a process that stops should wait for the spool to be replayed.

        Args:
            waited: seconds for which it has waited. For a store that is unavailable it waits less long, since the
                receiver may take no requests meanwhile.
        """
        if self._busy:
            return True
        return (not self._outage.is_active or waited < _STOP_SECONDS) and self._has_waiting()

    def _run(self, loop: Loop) -> None:
        while not self._closed:
            loop.progress()
            try:
                self._await_store()
                self._drain(loop)
                self._clean_up()
            except OverloadedError:  # requests that wait for an answer go first
                time.sleep(_PAUSE_AFTER_FAILURE)
            except StoreUnavailableError as error:
                self._outage.begin(error.detail)
                time.sleep(_PAUSE_AFTER_FAILURE)
            except SpoolError as error:
                self._log_once(str(error))
                time.sleep(_CHECK_SECONDS)
            else:
                self._logged = ""
                self._outage.wait(_CHECK_SECONDS)

    def _has_waiting(self) -> bool:
        depth = self._spool.depth()
        return depth is not None and depth.waiting > 0

    def _clean_up(self) -> None:
        """Do the writes to the disk that could wait until all entries were replayed."""
        self._spool.delete_removed()
        if self._has_log_to_truncate:
            self._spool.truncate_log()
            self._has_log_to_truncate = False
        if time.monotonic() >= self._expire_at:
            self._spool.delete_dead_letters(self._retention)
            self._expire_at = time.monotonic() + _EXPIRE_SECONDS

    def _await_store(self) -> None:
        if self._outage.is_active:
            self._writer.probe(within=_PROBE_SECONDS)
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
                self._pause(time.monotonic() - last)
                last = time.monotonic()
        finally:
            self._busy = False
        if total:
            self._has_log_to_truncate = True
            _log.info("replayed the spool: %d entries in %.1f s", total, time.monotonic() - began)

    @staticmethod
    def _pause(took: float) -> None:
        """Leave half of a slow store's time to new notifications, and the spool's lock to deletions."""
        time.sleep(min(_WITHIN_SECONDS, max(_MIN_PAUSE, took)))

    def _drain_some(self, position: int, loop: Loop) -> list[Entry]:
        """Replay the oldest entries after a position, unless another process is doing it; return them."""
        with self._spool.lock(0) as is_locked:
            entries = self._spool.read(position) if is_locked else []
            if entries:
                self._remove(self._replay_all(entries, loop))
            return entries

    def _remove(self, entries: Sequence[Entry]) -> None:
        try:
            self._spool.remove(entries)
        except SpoolError as error:
            self._log_once(f"Merged entries are removed from the spool later. {error}")

    def _replay_all(self, entries: Sequence[Entry], loop: Loop) -> Sequence[Entry]:
        """Merge entries into the store; return those that were merged."""
        try:
            notifications = [
                (decode_items(entry.items), entry.notification_id, self._spool.age_of(entry))
                for entry in entries
            ]
            self._writer.store_all(notifications, within=_WITHIN_SECONDS)
        except (WriteRefusedError, *UNREADABLE):  # of one entry; replay each alone to find it
            return [entry for entry in entries if self._replay(entry, loop)]
        return entries

    def _replay(self, entry: Entry, loop: Loop) -> bool:
        """Merge an entry into the store; return whether it was merged.

        A rejection counts only if the store takes another write right after it. A store that rejects everything, for
        whatever reason, is unavailable, and no entry becomes a dead letter because of that.
        """
        loop.progress()
        try:
            age = self._spool.age_of(entry)
            self._writer.store(
                decode_items(entry.items),
                notification_id=entry.notification_id,
                within=_WITHIN_SECONDS,
                age=age,
            )
        except WriteRefusedError as error:
            self._writer.probe(within=_PROBE_SECONDS)
            self._rejections[entry.id] = self._rejections.get(entry.id, 0) + 1
            if self._rejections[entry.id] >= _ATTEMPTS:
                self._dead_letter(entry, error.detail)
            return False
        except UNREADABLE as error:
            self._skipped.add("spool", type(error).__name__)
            self._dead_letter(entry, f"{type(error).__name__}: {error}")
            return False
        return True

    def _dead_letter(self, entry: Entry, reason: str) -> None:
        try:
            self._spool.dead_letter(entry, reason)
        except SpoolError as error:  # the entry still waits, and the others are replayed
            self._log_once(str(error))
            return
        self._rejections.pop(entry.id, None)
        _log.error(
            "entry %d of the spool can't be merged and becomes a dead letter; `receiver retry` replays it: %.200s",
            entry.id,
            reason,
        )

    def _log_once(self, message: str) -> None:
        if message != self._logged:
            _log.error("%s", message)
        self._logged = message
