"""The spool's file: notifications on a local disk, in SQLite, for as long as the store can't take them.

What is appended is on the disk when the call returns (WAL, `synchronous=FULL`), and what is removed is
overwritten. Where the disk can't be written, what is to be removed is remembered instead: it counts as gone in this
process, and is removed when the disk can be written again. Every call blocks on the disk, and one at a time may be
under way: `spool.py` sees to both. Several processes may use one file.
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
from receiver.spool.spool_deletion import DeletionResult, forget
from receiver.store.writer import Item

_AT_ONCE: Final = 100
_ROWS_AT_ONCE: Final = 250
"""Of one INSERT. After each statement, and each row that it returns, a thread waits up to 5 ms for the interpreter
while another is busy: row by row, no more than 200 a second could be written or read."""

_IS_DONE: Final = """
    EXISTS (SELECT 1 FROM temp.done WHERE done.id = waiting.id AND done.delivery = waiting.delivery)
"""
_NEXT: Final = f"""
    SELECT json_group_array(json_array(id, at, delivery, hex(news))) FROM (
        SELECT id, at, delivery, news, SUM(LENGTH(news)) OVER (ORDER BY id) - LENGTH(news) AS bytes_before
        FROM (SELECT * FROM waiting WHERE id > ? AND NOT {_IS_DONE} ORDER BY id LIMIT ?)
    ) WHERE bytes_before <= ?
"""  # noqa: S608 - one of ours
_REMOVE: Final = """
    DELETE FROM waiting WHERE id IN (SELECT CAST(key AS INTEGER) FROM json_each(?1))
        AND (id, delivery) IN (SELECT CAST(key AS INTEGER), value FROM json_each(?1))
"""
_BYTES_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A notification that waits.

    Args:
        id: its number in the order of coming.
        at: when it came, seconds since 1970.
        notification_id: the id of its delivery.
        items: what it says, as text.
    """

    id: int
    at: float
    notification_id: str
    items: bytes


@dataclass(frozen=True, slots=True)
class Depth:
    """What is in the file.

    Args:
        waiting: notifications that wait for the store.
        oldest: when the oldest of them came, seconds since 1970.
        dead: notifications that the store, though it works, does not take.
        size: bytes of the file.
    """

    waiting: int
    oldest: float | None
    dead: int
    size: int


class SpoolFile:
    """The file `spool.db` in a folder.

    Args:
        folder: made if it is missing, for its owner alone.
        max_bytes: how large the file may grow; its log beside it needs a few megabytes more.
        clock: seconds since 1970.
    """

    def __init__(self, folder: Path, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._database = SpoolDatabase(folder, max_bytes)
        self._clock = clock
        self._was_done = False
        self._done: dict[int, str] = {}
        """Entries that are to be removed, with their deliveries: another file may have the same numbers."""

    def append(self, deliveries: Sequence[tuple[str, bytes]]) -> None:
        """Write notifications to the disk, all or none: for each the id of its delivery, and its news as text.

        Raises:
            SpoolError: none is written.
        """
        at = self._clock()
        with self._database.transaction() as connection:
            for start in range(0, len(deliveries), _ROWS_AT_ONCE):
                rows = [
                    (at, *notification_id) for notification_id in deliveries[start : start + _ROWS_AT_ONCE]
                ]
                marks = ", ".join(["(?, ?, ?)"] * len(rows))
                values = [value for row in rows for value in row]
                connection.execute(f"INSERT INTO waiting (at, delivery, news) VALUES {marks}", values)  # noqa: S608

    def next(self, after: int) -> list[Entry]:
        """Return the oldest entries after a number, as many as are well handled at once.

        Raises:
            SpoolError: the file can't be read.
        """
        with self._reading() as connection:
            [(rows,)] = connection.execute(_NEXT, (after, _AT_ONCE, _BYTES_AT_ONCE))
        return [
            Entry(number, at, notification_id, bytes.fromhex(items))
            for number, at, notification_id, items in json.loads(rows)
        ]

    def remove(self, entries: Sequence[Entry]) -> None:
        """Delete entries.

        Raises:
            SpoolError: they are not deleted yet, and count as gone all the same.
        """
        self._done.update((entry.id, entry.notification_id) for entry in entries)
        self.remove_done()

    @property
    def has_done(self) -> bool:
        """Whether entries count as gone, and have yet to be deleted."""
        return bool(self._done)

    def remove_done(self) -> None:
        """Delete the entries that count as gone.

        Raises:
            SpoolError: not all are deleted.
        """
        while some := dict(islice(self._done.items(), _AT_ONCE)):
            with self._database.transaction() as connection:
                connection.execute(_REMOVE, (json.dumps(some),))
            for number in some:
                del self._done[number]

    def dead_letter(self, entry: Entry, reason: str) -> None:
        """Move an entry to where it holds nobody up, and nobody looks but a human.

        Raises:
            SpoolError: it stays where it is.
        """
        with self._database.transaction() as connection:
            [(at,)] = connection.execute(
                "DELETE FROM waiting WHERE id = ? RETURNING at", (entry.id,)
            ).fetchall()
            # After the DELETE, whose pages it can have: the spool may be full.
            connection.execute(
                "INSERT INTO dead VALUES (?, ?, ?, ?, ?)",
                (entry.id, at, entry.notification_id, entry.items, reason),
            )

    def retry_dead_letters(self) -> int:
        """Let the entries put aside wait again, with new numbers; return how many there were.

        Raises:
            SpoolError: they stay where they are.
        """
        with self._database.transaction() as connection:
            numbers = connection.execute("SELECT id FROM dead ORDER BY id").fetchall()
            # One by one, so that each can have the pages of the one before: the spool may be full.
            for number in numbers:
                [row] = connection.execute(
                    "DELETE FROM dead WHERE id = ? RETURNING at, delivery, news", number
                ).fetchall()
                connection.execute("INSERT INTO waiting (at, delivery, news) VALUES (?, ?, ?)", row)
            return len(numbers)

    def delete_dead_letters(self, before: float) -> None:
        """Delete the entries put aside that came before a time, seconds since 1970.

        Raises:
            SpoolError: none is deleted.
        """
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM dead WHERE at < ?", (before,))

    def forget(self, name: str, concerns: Callable[[Item], bool]) -> DeletionResult:
        """Delete news out of every entry that this version can read.

        Args:
            name: news that does not hold it is not looked at, unless it is unreadable.
            concerns: tells which news to delete.

        Raises:
            SpoolError: nothing is deleted.
        """
        with self._database.transaction() as connection:
            found = [forget(connection, table, name, concerns) for table in ("waiting", "dead")]
        return DeletionResult(sum(one.changed for one in found), sum(one.unexamined for one in found))

    def depth(self) -> Depth:
        """Count what is there.

        Raises:
            SpoolError: the file can't be read.
        """
        condition = f"NOT {_IS_DONE}" if self._done else "TRUE"  # which the index alone answers
        with self._reading() as connection:
            [(waiting, oldest)] = connection.execute(
                f"SELECT COUNT(*), MIN(at) FROM waiting WHERE {condition}"  # noqa: S608 - one of ours
            )
            [(dead,)] = connection.execute("SELECT COUNT(*) FROM dead")
            [(size,)] = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
            return Depth(waiting, oldest, dead, size)

    def probe(self) -> None:
        """Write a little something to the disk.

        Raises:
            SpoolError: that is not possible.
        """
        with self._database.transaction() as connection:
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def empty_log(self) -> None:
        """Cut the log beside the file to nothing, if nobody is using it: removed entries may still stand in it.

        Raises:
            SpoolError: the file can't be written.
        """
        with self._database.use() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def open_lock(self) -> int:
        """Open the file by whose lock processes keep out of each other's way.

        Raises:
            SpoolError: the folder can't be used.
        """
        with self._database.use():
            try:
                return os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                if error.errno != errno.EROFS:
                    raise
                return os.open(self.folder, os.O_RDONLY)  # whose lock all take while the disk is read-only

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that knows what counts as gone; that is in its memory, and needs no room on the disk."""
        with self._database.use() as connection:
            if self._done or self._was_done:
                connection.execute("DELETE FROM temp.done")
                connection.execute(
                    "INSERT INTO temp.done SELECT key, value FROM json_each(?)", (json.dumps(self._done),)
                )
                self._was_done = bool(self._done)
            yield connection
