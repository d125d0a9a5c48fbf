"""The operations that `receiver watch` shows: the newest ones, then each change, each state once."""

from collections.abc import Iterator
from itertools import islice

from receiver.client.event_stream import Stream
from receiver.client.operation import Operation
from receiver.client.receiver import Receiver


class RecentOperations:
    """The operations received last, each in its latest state.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._operations: list[Operation] = []

    def newest(self, count: int) -> list[Operation]:
        """Return the operations added last, newest first; one that changed keeps its place."""
        return self._operations[:count]

    def add(self, operation: Operation) -> bool:
        """Add an operation or its newer state; return False if it is not newer than the known one."""
        for place, known in enumerate(self._operations):
            if _is_same(known, operation):
                if operation.revision <= known.revision:
                    return False
                self._operations[place] = operation
                return True
        self._operations = [operation, *self._operations[: self._most - 1]]
        return True


def watch_operations(receiver: Receiver, stream: Stream, newest: int) -> Iterator[list[Operation]]:
    """Yield the newest operations at once, the oldest of them first, then each that the stream brings.

    An operation that changes in between is in both; `RecentOperations.add` recognizes it.
    """
    if newest:
        yield list(islice(receiver.list(page_size=min(newest, 200)), newest))[::-1]
    for event in stream:
        if operation := event.operation:
            yield [operation]


def _is_same(known: Operation, other: Operation) -> bool:
    """Return whether both are states of one operation: ids that were missing may have been added since."""
    ids = (
        (known.client_context, other.client_context),
        (known.call_id, other.call_id),
        (known.operation_id, other.operation_id),
    )
    return known.first_seen == other.first_seen and all(before in (None, now) for before, now in ids)
