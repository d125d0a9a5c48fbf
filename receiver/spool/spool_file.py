"""The spool's file: notifications on a local disk, in SQLite, while the store is unavailable.

An appended entry is on the disk when the call returns (WAL, `synchronous=FULL`), and a removed one is overwritten.
While the disk can't be written, removals are remembered instead: the entries count as removed in this process, and are
deleted when the disk can be written again. Every call blocks on the disk, and only one may be under way:
`spool_queue.py` takes care of both. Several processes may use one file.
"""

import errno
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from receiver.spool.spool_database import VERSION, SpoolDatabase
from receiver.spool.spool_deletion import DeletionResult, delete_items
from receiver.store.writer import Item

_ENTRIES_PER_READ: Final = 100
"""Entries that one read returns at most."""

_BYTES_PER_READ: Final = 1 << 20
"""Bytes of items from which on a read takes no further entry."""

_ROWS_PER_INSERT: Final = 250
"""Rows of one INSERT. After each statement, and each row that it returns, a thread waits up to 5 ms for the interpreter
while another thread is busy: row by row, at most 200 rows a second could be written or read."""

_IS_REMOVED: Final = """
    EXISTS (SELECT 1 FROM temp.done WHERE done.id = waiting.id AND done.delivery = waiting.delivery)
"""
_NEXT: Final = f"""
    SELECT json_group_array(json_array(id, at, delivery, hex(news))) FROM (
        SELECT id, at, delivery, news, SUM(LENGTH(news)) OVER (ORDER BY id) - LENGTH(news) AS bytes_before
        FROM (SELECT * FROM waiting WHERE id > ? AND NOT {_IS_REMOVED} ORDER BY id LIMIT ?)
    ) WHERE bytes_before <= ?
"""  # noqa: S608 - a constant
_REMOVE: Final = """
    DELETE FROM waiting WHERE id IN (SELECT CAST(key AS INTEGER) FROM json_each(?1))
        AND (id, delivery) IN (SELECT CAST(key AS INTEGER), value FROM json_each(?1))
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A notification in the spool.

    Args:
        id: the entry's number; numbers rise in the order of arrival.
        at: when the notification arrived, seconds since 1970.
        notification_id: the id under which the store merges it.
        items: its items, as `encode_items` returns them.
    """

    id: int
    at: float
    notification_id: str
    items: bytes


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is in the file.

    Args:
        waiting: notifications that wait for the store.
        oldest: when the oldest of them arrived, seconds since 1970.
        dead: dead letters: notifications that the store, though it works, rejects.
        size: bytes of the file.
    """

    waiting: int
    oldest: float | None
    dead: int
    size: int


class SpoolFile:
    """The file `spool.db` in a folder.

    Args:
        folder: created if it is missing, readable by its owner only.
        max_bytes: how large the file may grow; its log beside it needs a few megabytes more.
        clock: seconds since 1970.
    """

    def __init__(self, folder: Path, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._database = SpoolDatabase(folder, max_bytes)
        self._clock = clock
        self._had_removed = False
        self._removed: dict[int, str] = {}
        """Notification ids of removed entries that are yet to be deleted, by number: a new file reuses numbers."""

    def append(self, notifications: Sequence[tuple[str, bytes]]) -> None:
        """Write notifications to the disk, all or none.

        Args:
            notifications: for each its id, and its items as `encode_items` returns them.

        Raises:
            SpoolError: none is written.
        """
        at = self._clock()
        with self._database.transaction() as connection:
            for start in range(0, len(notifications), _ROWS_PER_INSERT):
                rows = [(at, *one) for one in notifications[start : start + _ROWS_PER_INSERT]]
                marks = ", ".join(["(?, ?, ?)"] * len(rows))
                values = [value for row in rows for value in row]
                connection.execute(f"INSERT INTO waiting (at, delivery, news) VALUES {marks}", values)  # noqa: S608

    def read(self, after: int) -> list[Entry]:
        """Return the oldest entries after a number, at most 100 and about a megabyte.

        Raises:
            SpoolError: the file can't be read.
        """
        with self._reading() as connection:
            [(rows,)] = connection.execute(_NEXT, (after, _ENTRIES_PER_READ, _BYTES_PER_READ))
        return [
            Entry(number, at, notification_id, bytes.fromhex(items))
            for number, at, notification_id, items in json.loads(rows)
        ]

    def remove(self, entries: Sequence[Entry]) -> None:
        """Remove entries.

        Raises:
            SpoolError: they are not deleted yet, but count as removed.
        """
        self._removed.update((entry.id, entry.notification_id) for entry in entries)
        self.delete_removed()

    @property
    def has_removed(self) -> bool:
        """Whether there are removed entries that are yet to be deleted."""
        return bool(self._removed)

    def delete_removed(self) -> None:
        """Delete the removed entries from the disk.

        Raises:
            SpoolError: not all are deleted.
        """
        while some := dict(islice(self._removed.items(), _ENTRIES_PER_READ)):
            with self._database.transaction() as connection:
                connection.execute(_REMOVE, (json.dumps(some),))
            for number in some:
                del self._removed[number]

    def dead_letter(self, entry: Entry, reason: str) -> None:
        """Move an entry to the dead letters, where it does not delay the others.

        Raises:
            SpoolError: the entry still waits.
        """
        with self._database.transaction() as connection:
            [(at,)] = connection.execute(
                "DELETE FROM waiting WHERE id = ? RETURNING at", (entry.id,)
            ).fetchall()
            # After the DELETE, so that it can reuse the freed pages: the spool may be full.
            connection.execute(
                "INSERT INTO dead VALUES (?, ?, ?, ?, ?)",
                (entry.id, at, entry.notification_id, entry.items, reason),
            )

    def retry_dead_letters(self) -> int:
        """Move all dead letters back to the waiting entries, with new numbers; return how many there were.

        Raises:
            SpoolError: they are still dead letters.
        """
        with self._database.transaction() as connection:
            numbers = connection.execute("SELECT id FROM dead ORDER BY id").fetchall()
            # One by one, so that each can reuse the pages of the one before: the spool may be full.
            for number in numbers:
                [row] = connection.execute(
                    "DELETE FROM dead WHERE id = ? RETURNING at, delivery, news", number
                ).fetchall()
                connection.execute("INSERT INTO waiting (at, delivery, news) VALUES (?, ?, ?)", row)
            return len(numbers)

    def delete_dead_letters(self, before: float) -> None:
        """Delete the dead letters that arrived before a time, in seconds since 1970.

        Raises:
            SpoolError: none is deleted.
        """
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM dead WHERE at < ?", (before,))

    def delete_items(self, name: str, matches: Callable[[Item], bool]) -> DeletionResult:
        """Delete items from every entry that this version can read.

        Args:
            name: an entry without it is not examined, unless it has an unreadable item.
            matches: returns whether to delete an item.

        Raises:
            SpoolError: nothing is deleted.
        """
        with self._database.transaction() as connection:
            found = [delete_items(connection, table, name, matches) for table in ("waiting", "dead")]
        return DeletionResult(sum(one.changed for one in found), sum(one.unexamined for one in found))

    def depth(self) -> Depth:
        """Return how much is in the file.

        Raises:
            SpoolError: the file can't be read.
        """
        condition = (
            f"NOT {_IS_REMOVED}" if self._removed else "TRUE"
        )  # which the index answers without reading entries
        with self._reading() as connection:
            [(waiting, oldest)] = connection.execute(
                f"SELECT COUNT(*), MIN(at) FROM waiting WHERE {condition}"  # noqa: S608 - a constant
            )
            [(dead,)] = connection.execute("SELECT COUNT(*) FROM dead")
            [(size,)] = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
            return Depth(waiting, oldest, dead, size)

    def probe(self) -> None:
        """Check that the disk can be written.

        Raises:
            SpoolError: it can't be written.
        """
        with self._database.transaction() as connection:
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def truncate_log(self) -> None:
        """Truncate the write-ahead log, if no process is using it: it may still contain removed entries.

        Raises:
            SpoolError: the file can't be written.
        """
        with self._database.use() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def open_lock(self) -> int:
        """Open the file whose lock a process holds while it takes entries out.

        Raises:
            SpoolError: the folder can't be used.
        """
        with self._database.use():
            try:
                return os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                if error.errno != errno.EROFS:
                    raise
                return os.open(
                    self.folder, os.O_RDONLY
                )  # whose lock all processes use while the disk is read-only

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that knows the removed entries, in a temporary table in memory, which needs no disk."""
        with self._database.use() as connection:
            if self._removed or self._had_removed:
                connection.execute("DELETE FROM temp.done")
                connection.execute(
                    "INSERT INTO temp.done SELECT key, value FROM json_each(?)", (json.dumps(self._removed),)
                )
                self._had_removed = bool(self._removed)
            yield connection
