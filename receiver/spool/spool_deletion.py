"""Delete the items of an operation or a call from the entries of the spool's tables."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from receiver.spool.entry_codec import UnreadableEntryError, decode_items, encode_items, search_texts
from receiver.store.writer import Item


@dataclass(frozen=True, slots=True)
class DeletionResult:
    """The result of a deletion: entries that it changed or deleted, and entries that it could not read, and kept."""

    changed: int
    unexamined: int


def delete_items(
    connection: sqlite3.Connection, table: str, name: str, matches: Callable[[Item], bool]
) -> DeletionResult:
    """Delete the items that `matches` accepts from the entries of a table.

    An entry that this version cannot read is kept: it may have results of other operations that are nowhere else.

    Args:
        connection: within a transaction.
        table: `waiting` or `dead`.
        name: an entry without this name, in any of its forms, is not examined.
        matches: returns whether to delete an item.
    """
    changed = unexamined = 0
    texts = search_texts(name)
    condition = " OR ".join(["instr(news, ?)"] * len(texts))
    found = connection.execute(
        f"SELECT id, news FROM {table} WHERE {condition}",  # noqa: S608 - one of our tables
        texts,
    )
    for number, text in found.fetchall():
        try:
            items = decode_items(text)
        except UnreadableEntryError:
            unexamined += 1
            continue
        left = [item for item in items if not matches(item)]
        if len(left) == len(items):
            continue
        if left:
            connection.execute(f"UPDATE {table} SET news = ? WHERE id = ?", (encode_items(left), number))  # noqa: S608
        else:
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608
        changed += 1
    return DeletionResult(changed, unexamined)
