"""The spool's SQLite database: opened when it is first needed, and again after a failure.

A full disk must not stop what needs no room, such as reading. So a connection that finds the disk full stays open: a
new one may need room for the index of the write-ahead log that all processes share (`spool.db-shm`). If there is no
room for that, a connection locks the file and keeps the index in its own memory. If the disk has become read-only, a
connection reads the file as it is. Connections of these two kinds are closed after each use.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

VERSION: Final = 1
"""The version of the tables, in `user_version`. A file with a higher one is not opened."""

_BUSY_SECONDS: Final = 1.0
_SCHEMA: Final = f"""
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS waiting (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, delivery TEXT NOT NULL, news BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS waiting_at ON waiting (at);  -- so that counting need not read the items
    CREATE TABLE IF NOT EXISTS dead (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, delivery TEXT NOT NULL, news BLOB NOT NULL, reason TEXT NOT NULL
    );
    PRAGMA user_version = {VERSION};
    COMMIT;
"""
_DONE: Final = """
    PRAGMA temp_store = MEMORY;
    CREATE TEMP TABLE done (id INTEGER PRIMARY KEY, delivery TEXT NOT NULL);
"""
_STAYS_OPEN: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY})
"""Errors of writing after which the connection can still read."""

_NO_SHARED_INDEX: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})


class SpoolError(Exception):
    """The spool can't be used, or is full; the message has the reason and what to do."""


class SpoolDatabase:
    """The file `spool.db` in a folder.

    Args:
        folder: created if it is missing, readable by its owner only.
        max_bytes: how large the file may grow.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._path = folder / "spool.db"
        self._connection: sqlite3.Connection | None = None
        self._is_single_use = False

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection within a transaction, which is rolled back if anything is raised.

        Raises:
            SpoolError: nothing was written.
        """
        with self.use() as connection, connection:  # `with connection` commits, or rolls back
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection.

        Raises:
            SpoolError: the file can't be used.
        """
        try:
            if self._connection is None:
                self._connection = self._open()
            yield self._connection
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", 0) not in _STAYS_OPEN:
                self.close()
            raise SpoolError(self._explain(error)) from error
        finally:
            if self._is_single_use:
                self.close()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> sqlite3.Connection:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._is_single_use = False
        try:
            # SQLite gives its other files the same mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            return self._connect("")
        except OSError as error:
            if error.errno != errno.EROFS or not self._path.exists():
                raise
            # Without a log, `immutable` misses nothing; with one, SQLite finds the index beside it.
            log = self._path.with_name(f"{self._path.name}-wal")
            connection = self._connect("mode=ro" if log.exists() else "immutable=1")
        except sqlite3.OperationalError as error:
            if _kind(error) not in _NO_SHARED_INDEX:
                raise
            connection = self._connect("", "PRAGMA locking_mode = EXCLUSIVE")
        self._is_single_use = True
        return connection

    def _connect(self, options: str, *first: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?{options}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for statement in first:
                connection.execute(statement)
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        [(pages,)] = connection.execute("PRAGMA page_count")
        if not pages:  # an existing file ignores it, but would be written to
            connection.execute("PRAGMA auto_vacuum = FULL")  # returns free pages to the file system
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        [(page_size,)] = connection.execute("PRAGMA page_size")
        connection.execute(f"PRAGMA max_page_count = {self._max_bytes // page_size}")
        [(version,)] = connection.execute("PRAGMA user_version")
        if version > VERSION:
            raise sqlite3.DatabaseError("a newer receiver created it")
        if version < VERSION:
            connection.executescript(_SCHEMA)
        connection.executescript(_DONE)

    def _explain(self, error: sqlite3.Error | OSError) -> str:
        code = _kind(error)
        if code == sqlite3.SQLITE_FULL:
            return (
                f"The spool {self._folder} is full: RECEIVER_SPOOL_MAX_BYTES is reached, or the disk is full."
            )
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return f"The spool's file {self._path} is damaged ({error}). Move it away; a new one is created."
        return f"The spool {self._folder} can't be used: {error}."


def _kind(error: Exception) -> int:
    """Return SQLite's primary error code; 0 for any other error."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
