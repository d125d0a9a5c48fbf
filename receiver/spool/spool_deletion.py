"""Deleting somebody's news out of the spool's tables, wherever it stands in an entry."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from receiver.spool.entry_codec import UnreadableEntryError, decode_items, encode_items, mentions
from receiver.store.writer import Item


@dataclass(frozen=True, slots=True)
class DeletionResult:
    """What a deletion did: how many entries it changed or deleted, and how many it could not read, and so has kept."""

    changed: int
    unexamined: int


def forget(
    connection: sqlite3.Connection, table: str, name: str, concerns: Callable[[Item], bool]
) -> DeletionResult:
    """Delete news out of a table.

    An entry that this version cannot read is kept: it may hold results of other operations, which nothing else has.
    """
    changed = unexamined = 0
    hints = mentions(name)
    condition = " OR ".join(["instr(news, ?)"] * len(hints))
    found = connection.execute(
        f"SELECT id, news FROM {table} WHERE {condition}",  # noqa: S608 - one of our tables
        hints,
    )
    for number, text in found.fetchall():
        try:
            items = decode_items(text)
        except UnreadableEntryError:
            unexamined += 1
            continue
        left = [item for item in items if not concerns(item)]
        if len(left) == len(items):
            continue
        if left:
            connection.execute(f"UPDATE {table} SET news = ? WHERE id = ?", (encode_items(left), number))  # noqa: S608
        else:
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608
        changed += 1
    return DeletionResult(changed, unexamined)
