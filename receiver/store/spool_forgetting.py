"""Deleting somebody's news out of the spool's tables, wherever it stands in an entry."""

import sqlite3
from collections.abc import Callable

from receiver.store.news_text import UnreadableNewsError, mentions, read_news, write_news
from receiver.store.writer import News


def forget(connection: sqlite3.Connection, table: str, name: str, concerns: Callable[[News], bool]) -> int:
    """Delete news out of a table; return how many entries held some. What can't be read at all, goes."""
    count = 0
    hints = mentions(name)
    condition = " OR ".join(["instr(news, ?)"] * len(hints))
    found = connection.execute(
        f"SELECT id, news FROM {table} WHERE {condition}",  # noqa: S608 - one of our tables
        hints,
    )
    for number, text in found.fetchall():
        try:
            news = read_news(text)
        except UnreadableNewsError:
            news = []
        left = [item for item in news if not concerns(item)]
        if left:
            if len(left) == len(news):
                continue
            connection.execute(f"UPDATE {table} SET news = ? WHERE id = ?", (write_news(left), number))  # noqa: S608
        else:
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608
        count += 1
    return count
