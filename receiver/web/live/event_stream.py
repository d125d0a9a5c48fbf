"""The stream of one client: the events that it missed, or the present state, and then every change as it happens."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from receiver.errors import StoreUnavailableError
from receiver.store.feed import Feed, FeedEvent, order
from receiver.store.reader import OperationFilter, Reader
from receiver.store.records import OperationRecord
from receiver.web.live.event_frames import (
    KEEP_ALIVE,
    RETRY,
    encode,
    encode_bookmark,
    encode_reset,
    encode_state,
)
from receiver.web.live.listener import Interest, Listener

HEARTBEAT_SECONDS: Final = 15.0
"""Seconds between comment lines of a quiet stream: routers end a connection that is silent for 55 s.

At least as often a stream that was opened with a session checks whether the session is still open."""

_SNAPSHOT_SIZE: Final = 200
"""Operations of the present state that a new stream, or one after a reset, gets at most."""

_ID: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


class EventStream:
    """The frames of one client's stream.

    Args:
        listener: collects new events.
        reader: reads the present state.
        feed: reads the events that the client has missed.
        may_listen: returns whether the client is still authorized.
    """

    def __init__(
        self, listener: Listener, reader: Reader, feed: Feed, may_listen: Callable[[], bool]
    ) -> None:
        self._listener = listener
        self._reader = reader
        self._feed = feed
        self._may_listen = may_listen
        self._checked_at = -HEARTBEAT_SECONDS
        self._sent_revisions: dict[int, int] = {}
        """Revisions of the present state, by record number: events up to these are old."""

    def frames(self, last_id: str) -> Iterator[bytes]:
        """Yield the frames of the stream.

        Args:
            last_id: the id of the last event that the client has received; empty for a new client.
        """
        yield RETRY
        try:
            if self._is_over():
                return
            yield from self._beginning(last_id)
            while not self._is_over():
                events = self._listener.take(HEARTBEAT_SECONDS)
                if events is None:
                    yield from self._reset()
                elif frames := b"".join(one.frame for one in events if not self._is_old(one.event)):
                    yield frames
                elif not events:
                    yield KEEP_ALIVE
        except StoreUnavailableError:
            return  # the client reconnects by itself, with the id of its last event

    def _is_over(self) -> bool:
        """Return whether the stream must end; at each heartbeat check whether the client is still authorized."""
        now = time.monotonic()
        if now - self._checked_at >= HEARTBEAT_SECONDS:
            self._checked_at = now
            with suppress(StoreUnavailableError):  # without the store there are no events either
                if not self._may_listen():
                    return True
        return self._listener.closed

    def _beginning(self, last_id: str) -> Iterator[bytes]:
        position = self._listener.position
        if last_id:
            yield from self._missed(last_id) if _ID.fullmatch(last_id) else self._reset()
        elif self._listener.interest == Interest():
            yield encode_bookmark(position)
        else:
            yield from self._present(position)

    def _missed(self, last_id: str) -> Iterator[bytes]:
        position, until = last_id, self._listener.position
        while True:
            batch = self._feed.between(position, until)
            if batch.has_gap:
                yield from self._reset()
                return
            position = batch.position
            frames = b"".join(
                encode(event) for event in batch.events if self._listener.interest.admits(event)
            )
            if frames:
                yield frames
            if order(position) >= order(until):
                yield encode_bookmark(until)
                return
            if self._is_over():
                return

    def _reset(self) -> Iterator[bytes]:
        yield encode_reset()
        yield from self._present(self._listener.position)

    def _present(self, position: str) -> Iterator[bytes]:
        """Yield the newest operations, the oldest of them first, as of `position` or later.

        Only the bookmark at the end has an id: a client that is disconnected before it gets all of them again.

        Args:
            position: the position after which the listener has every event.
        """
        interest = self._listener.interest
        chosen = OperationFilter(client_context=interest.client_context, call_id=interest.call_id)
        records = self._reader.operations(chosen, limit=_SNAPSHOT_SIZE).operations[::-1]
        self._sent_revisions = {record.number: record.revision for record in records}
        frames = [encode_state(record) for record in records]
        yield b"".join([*frames, encode_bookmark(position)])

    def _is_old(self, event: FeedEvent) -> bool:
        record = event.changed
        return isinstance(record, OperationRecord) and record.revision <= self._sent_revisions.get(
            record.number, 0
        )
