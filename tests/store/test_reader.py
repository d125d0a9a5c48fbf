"""Reads whose round trips share one deadline."""

from receiver.store.reader import OperationFilter, Reader
from tests.support.shelf import Shelf
from tests.support.updates import operation


def test_page_is_short_if_searching_on_would_take_too_long(shelf: Shelf) -> None:
    for number in range(10):
        shelf.keep(operation(cc=f"invite-{number}", op=f"op-{number}"))
    lefts = iter(range(10, 0, -1))
    reader = Reader(shelf.store_client, within=lambda: next(lefts))
    rare = OperationFilter(status="failed")
    page = reader.operations(rare, limit=1)
    assert (page.operations, page.cursor) == ((), 5), "three round trips with two records each"
    shelf.keep(operation("failed", cc="invite-1", op="op-1"))
    assert shelf.reader.operations(rare, limit=1, cursor=page.cursor) == shelf.reader.operations(
        rare, limit=1
    )
