"""Search of operations for the table: by state, type and text, page by page, with a limit of records read."""

from dataclasses import dataclass, replace
from typing import Final

from receiver.graph.resource_addresses import normalize_id
from receiver.store.reader import OperationFilter, Reader
from receiver.store.records import OperationRecord
from receiver.web.pages.attendees import invited
from receiver.web.pages.operation_wording import OVERDUE

PAGE: Final = 50
"""Operations on a page."""

MOST_READ: Final = 2000
"""Records, about, that one page reads to find a text: the store has no index of texts. More would make it slow."""

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Query:
    """A search; an empty or None member does not filter.

    Args:
        status: Graph's, or `overdue`.
        text: part of a client context, an id, or a participant's name or number; upper or lower case.
        cursor: the number of the record that the page before ended with.
    """

    status: str = ""
    type: str = ""
    text: str = ""
    cursor: int | None = None

    @property
    def chosen(self) -> OperationFilter:
        """The part of the search by which the store filters."""
        if self.status == OVERDUE:
            return OperationFilter(type=self.type, overdue=True)
        return OperationFilter(type=self.type, status=self.status)

    @property
    def filters(self) -> bool:
        """Whether it filters at all."""
        return bool(self.status or self.type or self.text)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of operations, newest first.

    Args:
        cursor: where the next page begins; None: this is the last.
        gave_up: the search ended at `MOST_READ` records; there may be more behind the cursor.
    """

    operations: tuple[OperationRecord, ...]
    cursor: int | None
    gave_up: bool = False


def find(reader: Reader, query: Query) -> Found:
    """Return a page of operations."""
    chosen = query.chosen
    if not query.text:
        page = reader.operations(chosen, limit=PAGE, cursor=query.cursor)
        return Found(page.operations, page.cursor, len(page.operations) < PAGE and page.cursor is not None)
    walked = _walk(reader, chosen, query)
    if query.cursor is not None:
        return walked
    named = {record.number: record for record in (*_named(reader, query), *walked.operations)}
    newest_first = sorted(named.values(), key=lambda record: record.number, reverse=True)
    return Found(tuple(newest_first), walked.cursor, walked.gave_up)


def _walk(reader: Reader, chosen: OperationFilter, query: Query) -> Found:
    """Search the text in record after record, from the newest on."""
    found: list[OperationRecord] = []
    cursor, top, needle = query.cursor, query.cursor, query.text.casefold()
    while True:
        page = reader.operations(chosen, limit=_BATCH, cursor=cursor)
        for record in page.operations:
            top = top or record.number
            if _holds(record, needle):
                found.append(record)
            if len(found) == PAGE:
                return Found(tuple(found), record.number)
        cursor = page.cursor
        if cursor is None or len(page.operations) < _BATCH or (top or 0) - cursor >= MOST_READ:
            return Found(tuple(found), cursor, gave_up=cursor is not None)


def _named(reader: Reader, query: Query) -> tuple[OperationRecord, ...]:
    """Find the operations whose client context or call is exactly the text, however old: these have an index."""
    by_context = replace(query.chosen, client_context=query.text)
    by_call = replace(query.chosen, call_id=normalize_id(query.text))
    return tuple(
        record
        for chosen in (by_context, by_call)
        for record in reader.operations(chosen, limit=PAGE).operations
    )


def _holds(record: OperationRecord, needle: str) -> bool:
    texts = (record.client_context, record.call_id, record.operation_id)
    return any(needle in text.casefold() for text in texts) or any(
        needle in name.casefold() for name in invited(record.members.get("participants"))
    )
