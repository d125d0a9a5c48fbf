"""The spool's file: notifications on a local disk, in SQLite, for as long as the store can't take them.

What is appended is on the disk when the call returns (WAL, `synchronous=FULL`), and what is removed is
overwritten. The file is opened when it is first needed and again after any failure, so a disk that was full or
read-only needs no restart. Every call blocks on the disk, and one at a time may be under way: `spool.py` sees to both.
Several processes may use one file.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from receiver.store.spool_forgetting import forget
from receiver.store.writer import News

_VERSION: Final = 1
_BUSY_SECONDS: Final = 1.0
_AT_ONCE: Final = 100
_ROWS_AT_ONCE: Final = 250
"""Of one INSERT. After each statement, and each row that it returns, a thread waits up to 5 ms for the interpreter
while another is busy: row by row, no more than 200 a second could be written or read."""

_NEXT: Final = """
    SELECT json_group_array(json_array(id, at, delivery, hex(news))) FROM (
        SELECT id, at, delivery, news, SUM(LENGTH(news)) OVER (ORDER BY id) - LENGTH(news) AS bytes_before
        FROM (SELECT * FROM waiting WHERE id > ? ORDER BY id LIMIT ?)
    ) WHERE bytes_before <= ?
"""
_BYTES_AT_ONCE: Final = 1 << 20
_SCHEMA: Final = f"""
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS waiting (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, delivery TEXT NOT NULL, news BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS waiting_at ON waiting (at);  -- so that counting need not read the news
    CREATE TABLE IF NOT EXISTS dead (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, delivery TEXT NOT NULL, news BLOB NOT NULL, reason TEXT NOT NULL
    );
    PRAGMA user_version = {_VERSION};
    COMMIT;
"""


class SpoolError(Exception):
    """The spool can't be used, or is full; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A notification that waits.

    Args:
        id: its number in the order of coming.
        at: when it came, seconds since 1970.
        delivery: the id of its delivery.
        news: what it says, as text.
    """

    id: int
    at: float
    delivery: str
    news: bytes


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
        self._path = folder / "spool.db"
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    def append(self, deliveries: Sequence[tuple[str, bytes]]) -> None:
        """Write notifications to the disk, all or none: for each the id of its delivery, and its news as text.

        Raises:
            SpoolError: none is written.
        """
        at = self._clock()
        with self._transaction() as connection:
            for start in range(0, len(deliveries), _ROWS_AT_ONCE):
                rows = [(at, *delivery) for delivery in deliveries[start : start + _ROWS_AT_ONCE]]
                marks = ", ".join(["(?, ?, ?)"] * len(rows))
                values = [value for row in rows for value in row]
                connection.execute(f"INSERT INTO waiting (at, delivery, news) VALUES {marks}", values)  # noqa: S608

    def next(self, after: int) -> list[Entry]:
        """Return the oldest entries after a number, as many as are well handled at once.

        Raises:
            SpoolError: the file can't be read.
        """
        with self._use() as connection:
            [(rows,)] = connection.execute(_NEXT, (after, _AT_ONCE, _BYTES_AT_ONCE))
        return [
            Entry(number, at, delivery, bytes.fromhex(news))
            for number, at, delivery, news in json.loads(rows)
        ]

    def remove(self, ids: Sequence[int]) -> None:
        """Delete entries.

        Raises:
            SpoolError: none is deleted.
        """
        with self._transaction() as connection:
            marks = ", ".join("?" * len(ids))
            connection.execute(f"DELETE FROM waiting WHERE id IN ({marks})", ids)  # noqa: S608 - marks

    def bury(self, entry: Entry, reason: str) -> None:
        """Move an entry to where it holds nobody up, and nobody looks but a human.

        Raises:
            SpoolError: it stays where it is.
        """
        with self._transaction() as connection:
            [(at,)] = connection.execute(
                "DELETE FROM waiting WHERE id = ? RETURNING at", (entry.id,)
            ).fetchall()
            # After the DELETE, whose pages it can have: the spool may be full.
            connection.execute(
                "INSERT INTO dead VALUES (?, ?, ?, ?, ?)", (entry.id, at, entry.delivery, entry.news, reason)
            )

    def retry_dead(self) -> int:
        """Let the entries put aside wait again, with new numbers; return how many there were.

        Raises:
            SpoolError: they stay where they are.
        """
        with self._transaction() as connection:
            numbers = connection.execute("SELECT id FROM dead ORDER BY id").fetchall()
            # One by one, so that each can have the pages of the one before: the spool may be full.
            for number in numbers:
                [row] = connection.execute(
                    "DELETE FROM dead WHERE id = ? RETURNING at, delivery, news", number
                ).fetchall()
                connection.execute("INSERT INTO waiting (at, delivery, news) VALUES (?, ?, ?)", row)
            return len(numbers)

    def drop_dead(self, before: float) -> None:
        """Delete the entries put aside that came before a time, seconds since 1970.

        Raises:
            SpoolError: none is deleted.
        """
        with self._transaction() as connection:
            connection.execute("DELETE FROM dead WHERE at < ?", (before,))

    def forget(self, name: str, concerns: Callable[[News], bool]) -> bool:
        """Delete news out of every entry; tell whether there was any.

        Args:
            name: news that does not hold it is not looked at, unless it is unreadable.
            concerns: tells which news to delete.

        Raises:
            SpoolError: nothing is deleted.
        """
        with self._transaction() as connection:
            return sum(forget(connection, table, name, concerns) for table in ("waiting", "dead")) > 0

    def depth(self) -> Depth:
        """Count what is there.

        Raises:
            SpoolError: the file can't be read.
        """
        with self._use() as connection:
            [(waiting, oldest, dead)] = connection.execute(
                "SELECT (SELECT COUNT(*) FROM waiting), (SELECT MIN(at) FROM waiting), (SELECT COUNT(*) FROM dead)"
            )
            [(size,)] = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
            return Depth(waiting, oldest, dead, size)

    def probe(self) -> None:
        """Write a little something to the disk.

        Raises:
            SpoolError: that is not possible.
        """
        with self._transaction() as connection:
            connection.execute(f"PRAGMA user_version = {_VERSION}")

    def empty_log(self) -> None:
        """Cut the log beside the file to nothing, if nobody is using it: removed entries may still stand in it.

        Raises:
            SpoolError: the file can't be written.
        """
        with self._use() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def open_lock(self) -> int:
        """Open the file by whose lock processes keep out of each other's way.

        Raises:
            SpoolError: the folder can't be used.
        """
        with self._use():
            return os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(sqlite3.Error):
                connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._use() as connection, connection:  # which commits, or rolls back
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self._connection = self._open()
            yield self._connection
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise SpoolError(self._explain(error)) from error

    def _open(self) -> sqlite3.Connection:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's other files get the same mode
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA auto_vacuum = FULL")  # gives the disk back; only a new file takes it
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        [(page_size,)] = connection.execute("PRAGMA page_size")
        connection.execute(f"PRAGMA max_page_count = {self.max_bytes // page_size}")
        [(version,)] = connection.execute("PRAGMA user_version")
        if version > _VERSION:
            raise sqlite3.DatabaseError("a newer receiver has made it")
        if version < _VERSION:
            connection.executescript(_SCHEMA)

    def _explain(self, error: sqlite3.Error | OSError) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return f"The spool {self.folder} is full: RECEIVER_SPOOL_MAX_BYTES is reached, or the disk's end."
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return f"The spool's file {self._path} is damaged ({error}): move it away, and a new one is made."
        return f"The spool {self.folder} can't be used: {error}."
