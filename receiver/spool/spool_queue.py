"""The spool: a queue on this machine's disk in which notifications wait while the store is unavailable.

Only the requests that use the file wait for the disk: the server passes an executor that runs blocking work, one use
at a time. All notifications that arrive while the disk is busy are then written together.
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from receiver.errors import OverloadedError
from receiver.spool.disk_thread import BlockingExecutor, DiskThread, run_inline
from receiver.spool.entry_codec import encode_items
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_file import Depth, Entry, SpoolFile
from receiver.store.skipped_values import SkippedValues
from receiver.store.transport.queue_limit import QueueLimit
from receiver.store.writer import Item
from receiver.supervision import Loop, Supervisor

_ERROR_SECONDS: Final = 5.0
"""How long a failed write is reported: after a while the disk may have room again."""

QUEUE_SIZE: Final = 1000
"""Notifications that may wait to be written to a fast disk; fewer if it is slow."""

_MAX_WAIT_SECONDS: Final = 0.5
"""How long a notification may expect to wait to be written; it has hardly more time."""


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """The status of the spool. A number is None if it is unknown.

    Args:
        waiting: notifications that wait for the store.
        age: seconds since the oldest of them arrived; None also if there is none.
        dead: dead letters: notifications that the store, though it works, rejects.
        size: bytes of the file.
        error: why the spool takes nothing now; None if it does.
    """

    waiting: int | None = None
    age: float | None = None
    dead: int | None = None
    size: int | None = None
    error: str | None = None


class _PendingWrite:
    """A notification that waits to be written to the disk."""

    def __init__(self, notification_id: str, items: bytes) -> None:
        self.content = (notification_id, items)
        self.is_done = threading.Event()
        self.error: SpoolError | None = None


class Spool:
    """A queue of notifications on disk, for all processes of a machine. Nothing is written before it is started.

    Args:
        file: the file on the disk.
        executor: runs work that uses the file.
        clock: seconds since 1970.
        skipped: counts entries that a deletion could not read; by default its own.
        supervisor: runs the loop that writes; by default one of its own.
    """

    def __init__(
        self,
        file: SpoolFile,
        executor: BlockingExecutor = run_inline,
        clock: Callable[[], float] = time.time,
        *,
        skipped: SkippedValues | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._file = file
        self._skipped = skipped or SkippedValues()
        self._disk = DiskThread(executor)
        self._clock = clock
        self._pending: deque[_PendingWrite] = deque()
        self._has_pending = threading.Event()
        self._queue_limit = QueueLimit(QUEUE_SIZE, _MAX_WAIT_SECONDS)
        self._error: tuple[str, float] | None = None
        self._closed = False
        self._supervisor = supervisor or Supervisor()

    def start(self) -> None:
        """Start the loop that writes, in the background. Call it once, after the process has forked."""
        self._supervisor.start("spool-writer", self._write)

    def put(self, items: Sequence[Item], *, notification_id: str, within: float) -> None:
        """Write a notification to the disk; on return it is on the disk.

        Args:
            items: the items of the notification.
            notification_id: the id under which the store merges it once.
            within: seconds.

        Raises:
            OverloadedError: too many notifications wait to be written.
            SpoolError: the notification may not be written.
        """
        if self.is_full:
            raise OverloadedError
        write = _PendingWrite(notification_id, encode_items(items))
        self._pending.append(write)
        self._has_pending.set()
        if not write.is_done.wait(within):
            raise SpoolError("The spool's disk did not answer in time. Check the disk of RECEIVER_SPOOL.")
        if write.error:
            raise write.error

    @property
    def is_full(self) -> bool:
        """Whether a notification that arrives now is refused, since too many wait to be written."""
        return not self._queue_limit.admits(len(self._pending))

    def read(self, after: int) -> list[Entry]:
        """Return the oldest entries after a number, at most 100 and about a megabyte.

        Raises:
            SpoolError: the file can't be read.
        """
        return self._disk.use(lambda: self._file.read(after))

    def age_of(self, entry: Entry) -> float:
        """Return the seconds since a notification arrived."""
        return max(0.0, self._clock() - entry.at)

    def remove(self, entries: Sequence[Entry]) -> None:
        """Remove entries that the store has merged.

        Raises:
            SpoolError: they are not deleted yet, but count as removed.
        """
        self._disk.use(lambda: self._file.remove(entries))

    def delete_removed(self) -> None:
        """Delete the removed entries from the disk.

        Raises:
            SpoolError: not all are deleted.
        """
        if self._file.has_removed:
            self._disk.use(self._file.delete_removed)

    def dead_letter(self, entry: Entry, reason: str) -> None:
        """Move an entry to the dead letters, where it does not delay the others.

        Raises:
            SpoolError: the entry still waits.
        """
        self._disk.use(lambda: self._file.dead_letter(entry, reason))

    def delete_dead_letters(self, seconds: float) -> None:
        """Delete the dead letters that arrived longer ago than some seconds.

        Raises:
            SpoolError: none is deleted.
        """
        self._disk.use(lambda: self._file.delete_dead_letters(self._clock() - seconds))

    def delete_items(self, name: str, matches: Callable[[Item], bool]) -> bool:
        """Delete items from every entry that this version can read; the others are kept, counted and logged.

        Args:
            name: an entry without it is not examined, unless it has an unreadable item.
            matches: returns whether to delete an item.

        Returns:
            Whether there was anything to delete.

        Raises:
            SpoolError: something may not be deleted.
        """
        result = self._disk.use(lambda: self._file.delete_items(name, matches))
        self._skipped.add("spool", "kept: a deletion could not examine them", result.unexamined)
        if result.changed:
            self.truncate_log()
        return result.changed > 0

    def truncate_log(self) -> None:
        """Truncate the write-ahead log, so that no removed entry is left on the disk.

        Raises:
            SpoolError: the file can't be written.
        """
        self._disk.use(self._file.truncate_log)

    def status(self) -> SpoolStatus:
        """Return the status of the spool, after a write that tests it. Does not raise."""
        depth = self.depth()
        error = self._recent_error()
        try:
            self._disk.use(self._file.probe)
        except SpoolError as failure:
            error = str(failure)
        if depth is None:
            return SpoolStatus(error=error or "The spool can't be read.")
        age = self.age(depth) if depth.waiting else None
        return SpoolStatus(depth.waiting, age, depth.dead, depth.size, error)

    def depth(self) -> Depth | None:
        """Return how much is in the file; None if it can't be read."""
        try:
            return self._disk.use(self._file.depth)
        except SpoolError:
            return None

    def age(self, depth: Depth) -> float:
        """Return the seconds since the oldest notification arrived; 0 if none waits."""
        return 0.0 if depth.oldest is None else max(0.0, self._clock() - depth.oldest)

    def close(self) -> None:
        """Close the file; refuse every later use."""
        self._closed = True
        self._has_pending.set()
        self._disk.close(self._file.close)

    @contextmanager
    def lock(self, within: float) -> Iterator[bool]:
        """Hold the lock for taking entries out, which one process at a time can; yield whether it was free in time.

        Raises:
            SpoolError: the folder can't be used.
        """
        deadline = time.monotonic() + within
        descriptor = self._disk.use(self._file.open_lock)
        try:
            while not (is_locked := _try_lock(descriptor)) and time.monotonic() < deadline:
                time.sleep(0.01)
            yield is_locked
        finally:
            os.close(descriptor)

    def _write(self, loop: Loop) -> None:
        while not self._closed:
            if not self._pending:  # else an error left some behind
                loop.idle()
                self._has_pending.wait()
                loop.begin()
            self._has_pending.clear()
            writes = [self._pending.popleft() for _ in range(len(self._pending))]
            error: SpoolError | None = SpoolError(
                "The spool was not written, by a fault of the receiver. See its log."
            )
            try:
                error = self._append([write.content for write in writes])
            finally:
                self._error = (str(error), time.monotonic()) if error else None
                for write in writes:
                    write.error = error
                    write.is_done.set()
            loop.progress()

    def _append(self, contents: Sequence[tuple[str, bytes]]) -> SpoolError | None:
        try:
            self._disk.use(lambda: self._timed_append(contents))
        except SpoolError as error:
            return error
        return None

    def _timed_append(self, contents: Sequence[tuple[str, bytes]]) -> None:
        began = time.monotonic()
        self._file.append(contents)
        self._queue_limit.observe(len(contents), time.monotonic() - began)

    def _recent_error(self) -> str | None:
        """Return why a write has failed lately; None if none has."""
        if self._error is None or time.monotonic() - self._error[1] > _ERROR_SECONDS:
            return None
        return self._error[0]


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
