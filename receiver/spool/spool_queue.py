"""The spool: where a notification waits, on this machine's disk, while the store can't take it.

Nobody waits for the disk but those who must: the file is used aside (the server hands in how), one use at a time,
and all that want to be written while the disk is busy are then written as one.
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

_RECENT: Final = 5.0

MOST: Final = 1000
"""Notifications that may be on their way to a disk that is quick."""

_IN_TIME: Final = 0.5
"""Seconds in which one must be able to expect to be written; it has hardly more."""


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """How the spool is.

    Args:
        waiting: notifications that wait for the store; None where that is unknown, like the others.
        age: seconds since the oldest of them came; None also where there is none.
        dead: notifications that the store, though it works, does not take.
        size: bytes of the file.
        error: why it takes nothing now; None where it does.
    """

    waiting: int | None = None
    age: float | None = None
    dead: int | None = None
    size: int | None = None
    error: str | None = None


class _Deposit:
    """A notification on its way to the disk."""

    def __init__(self, notification_id: str, items: bytes) -> None:
        self.content = (notification_id, items)
        self.settled = threading.Event()
        self.error: SpoolError | None = None


class Spool:
    """A queue of notifications on disk, for all processes of a machine. Make it after the process has forked.

    Args:
        file: where they are kept.
        executor: carries out work on the file.
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
        self._deposits: deque[_Deposit] = deque()
        self._deposited = threading.Event()
        self._queue_limit = QueueLimit(MOST, _IN_TIME)
        self._error: tuple[str, float] | None = None
        self._closed = False
        (supervisor or Supervisor()).start("spool-writer", self._write)

    def put(self, items: Sequence[Item], *, notification_id: str, within: float) -> None:
        """Write a notification to the disk; on return it is there to stay.

        Args:
            items: what came.
            notification_id: the id under which the store merges it once.
            within: seconds.

        Raises:
            OverloadedError: too many are on their way to the disk.
            SpoolError: it is not sure that it is written.
        """
        if self.is_full:
            raise OverloadedError
        deposit = _Deposit(notification_id, encode_items(items))
        self._deposits.append(deposit)
        self._deposited.set()
        if not deposit.settled.wait(within):
            raise SpoolError("The spool's disk did not answer in time.")
        if deposit.error:
            raise deposit.error

    @property
    def is_full(self) -> bool:
        """Whether a notification that comes now is refused, since too many are on their way to the disk."""
        return not self._queue_limit.admits(len(self._deposits))

    def next(self, after: int) -> list[Entry]:
        """Return the oldest entries after a number, as many as are well handled at once.

        Raises:
            SpoolError: the file can't be read.
        """
        return self._disk.use(lambda: self._file.next(after))

    def age_of(self, entry: Entry) -> float:
        """Return the seconds since a notification came."""
        return max(0.0, self._clock() - entry.at)

    def remove(self, entries: Sequence[Entry]) -> None:
        """Delete entries: the store has them.

        Raises:
            SpoolError: they are not deleted yet, and count as gone all the same.
        """
        self._disk.use(lambda: self._file.remove(entries))

    def remove_done(self) -> None:
        """Delete the entries that count as gone.

        Raises:
            SpoolError: not all are deleted.
        """
        if self._file.has_done:
            self._disk.use(self._file.remove_done)

    def dead_letter(self, entry: Entry, reason: str) -> None:
        """Put an entry aside, where it holds nobody up.

        Raises:
            SpoolError: it stays where it is.
        """
        self._disk.use(lambda: self._file.dead_letter(entry, reason))

    def delete_dead_letters(self, seconds: float) -> None:
        """Delete the entries put aside that came longer ago than this.

        Raises:
            SpoolError: none is deleted.
        """
        self._disk.use(lambda: self._file.delete_dead_letters(self._clock() - seconds))

    def forget(self, name: str, concerns: Callable[[Item], bool]) -> bool:
        """Delete news out of every entry that this version can read; the others are kept, counted and logged.

        Args:
            name: what is to be forgotten; news that does not hold it is not looked at, unless it is unreadable.
            concerns: tells which news to delete.

        Returns:
            Whether there was any.

        Raises:
            SpoolError: it is not sure that all is deleted.
        """
        forgotten = self._disk.use(lambda: self._file.forget(name, concerns))
        self._skipped.add("spool", "kept by a deletion, which could not examine them", forgotten.unexamined)
        if forgotten.changed:
            self.tidy()
        return forgotten.changed > 0

    def tidy(self) -> None:
        """Let nothing that was removed stand on the disk any longer.

        Raises:
            SpoolError: the file can't be written.
        """
        self._disk.use(self._file.empty_log)

    def status(self) -> SpoolStatus:
        """Tell how the spool is, by trying it; never raises."""
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
        """Return what is in the file; None where that cannot be found out."""
        try:
            return self._disk.use(self._file.depth)
        except SpoolError:
            return None

    def age(self, depth: Depth) -> float:
        """Return the seconds since the oldest notification came; 0 where none waits."""
        return 0.0 if depth.oldest is None else max(0.0, self._clock() - depth.oldest)

    def close(self) -> None:
        """Use the file no more."""
        self._closed = True
        self._deposited.set()
        self._disk.close(self._file.close)

    @contextmanager
    def hold(self, within: float) -> Iterator[bool]:
        """Be the only one, of all processes, who takes entries out; tell whether that came about in time.

        Raises:
            SpoolError: the folder can't be used.
        """
        deadline = time.monotonic() + within
        lock = self._disk.use(self._file.open_lock)
        try:
            while not (held := _taken(lock)) and time.monotonic() < deadline:
                time.sleep(0.01)
            yield held
        finally:
            os.close(lock)

    def _write(self, loop: Loop) -> None:
        while not self._closed:
            if not self._deposits:  # else an error has left some behind
                loop.idle()
                self._deposited.wait()
                loop.begin()
            self._deposited.clear()
            deposits = [self._deposits.popleft() for _ in range(len(self._deposits))]
            error: SpoolError | None = SpoolError(
                "The spool's disk was not written to, by a fault of the receiver."
            )
            try:
                error = self._append([deposit.content for deposit in deposits])
            finally:
                self._error = (str(error), time.monotonic()) if error else None
                for deposit in deposits:
                    deposit.error = error
                    deposit.settled.set()
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
        """Return why something could not be written; after a while there may be room again."""
        if self._error is None or time.monotonic() - self._error[1] > _RECENT:
            return None
        return self._error[0]


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
