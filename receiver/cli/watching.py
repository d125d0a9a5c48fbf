"""What there is to watch: the newest operations, then what changes, each state of each once."""

from collections.abc import Iterator
from itertools import islice

from receiver.client.event_stream import Stream
from receiver.client.operation import Operation
from receiver.client.receiver import Receiver


class Rows:
    """The operations told last, each in its latest state.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._rows: list[Operation] = []

    def newest(self, count: int) -> list[Operation]:
        """Return those that came last, the last one first; one that changed keeps its place."""
        return self._rows[:count]

    def take(self, operation: Operation) -> bool:
        """Enter an operation; False if it tells nothing new."""
        for place, row in enumerate(self._rows):
            if _is_same(row, operation):
                if operation.revision <= row.revision:
                    return False
                self._rows[place] = operation
                return True
        self._rows = [operation, *self._rows[: self._most - 1]]
        return True


def watched(receiver: Receiver, stream: Stream, newest: int) -> Iterator[list[Operation]]:
    """Yield the newest operations at once, the oldest of them first, and then whatever the stream tells.

    What changes in between is in both: `Rows` knows it again.
    """
    if newest:
        yield list(islice(receiver.list(page_size=min(newest, 200)), newest))[::-1]
    for event in stream:
        if operation := event.operation:
            yield [operation]


def _is_same(known: Operation, told: Operation) -> bool:
    """Tell whether both are states of one operation: ids that were missing may have come since."""
    ids = (
        (known.client_context, told.client_context),
        (known.call_id, told.call_id),
        (known.operation_id, told.operation_id),
    )
    return known.first_seen == told.first_seen and all(before in (None, now) for before, now in ids)
