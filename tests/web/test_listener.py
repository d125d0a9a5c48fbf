"""Listeners: positions, gaps, and clients that do not take their events."""

import pytest

from receiver.store.feed import FeedEvent
from receiver.store.reader import StreamEntry
from receiver.web.live.listener import Interest, Kind, Listener, ListenerEvent

MOST = 1000


def listener_event(number: int) -> ListenerEvent:
    event_id = f"{number}-0"
    return ListenerEvent(FeedEvent(event_id, StreamEntry(event_id, number, {"text": "{}"})), lambda _: b"")


def ids(taken: list[ListenerEvent] | None) -> list[str]:
    assert taken is not None
    return [one.event.id for one in taken]


@pytest.mark.parametrize("kind", ["stream", "long_poll"])
def test_listener_takes_events_after_its_position(kind: Kind) -> None:
    listener = Listener(Interest(), "9-0", kind)
    for number in (8, 9, 10, 11):
        listener.offer(listener_event(number))
    assert ids(listener.take(0)) == ["10-0", "11-0"]
    assert listener.take(0) == []


def test_listener_skips_to_a_position_but_not_back() -> None:
    listener = Listener(Interest(), "9-0", "stream")
    for number in (10, 11):
        listener.offer(listener_event(number))
    listener.skip_to("10-0")
    listener.skip_to("2-0")
    assert listener.position == "10-0"
    assert ids(listener.take(0)) == ["11-0"]


def test_listener_that_starts_over_has_a_gap_once() -> None:
    listener = Listener(Interest(), "9-0", "stream")
    listener.offer(listener_event(10))
    listener.start_over("2-0")
    listener.offer(listener_event(2))
    listener.offer(listener_event(3))
    assert listener.take(0) is None
    assert listener.position == "2-0"
    assert ids(listener.take(0)) == ["3-0"]


def test_stream_that_takes_nothing_is_closed() -> None:
    listener = Listener(Interest(), "0-0", "stream")
    for number in range(1, MOST + 2):
        listener.offer(listener_event(number))
    assert listener.closed


def test_long_poll_that_takes_nothing_has_a_gap() -> None:
    listener = Listener(Interest(), "0-0", "long_poll")
    for number in range(1, MOST + 3):
        listener.offer(listener_event(number))
    assert not listener.closed
    assert listener.take(0) is None
    assert ids(listener.take(0)) == [f"{MOST + 2}-0"]
