"""What a client has yet to take: positions, gaps, and clients that take too little."""

import pytest

from receiver.store.feed import FeedEvent
from receiver.store.reader import StreamEntry
from receiver.web.live.listener import Delivery, Interest, Kind, Subscription

MOST = 1000


def delivery(number: int) -> Delivery:
    event_id = f"{number}-0"
    return Delivery(FeedEvent(event_id, StreamEntry(event_id, number, {"text": "{}"})), lambda _: b"")


def ids(taken: list[Delivery] | None) -> list[str]:
    assert taken is not None
    return [one.event.id for one in taken]


@pytest.mark.parametrize("kind", ["stream", "waiter"])
def test_subscription_takes_events_after_its_position(kind: Kind) -> None:
    subscription = Subscription(Interest(), "9-0", kind)
    for number in (8, 9, 10, 11):
        subscription.offer(delivery(number))
    assert ids(subscription.take(0)) == ["10-0", "11-0"]
    assert subscription.take(0) == []


def test_subscription_skips_to_a_position_but_not_back() -> None:
    subscription = Subscription(Interest(), "9-0", "stream")
    for number in (10, 11):
        subscription.offer(delivery(number))
    subscription.skip_to("10-0")
    subscription.skip_to("2-0")
    assert subscription.position == "10-0"
    assert ids(subscription.take(0)) == ["11-0"]


def test_subscription_that_starts_over_has_a_gap_once() -> None:
    subscription = Subscription(Interest(), "9-0", "stream")
    subscription.offer(delivery(10))
    subscription.start_over("2-0")
    subscription.offer(delivery(2))
    subscription.offer(delivery(3))
    assert subscription.take(0) is None
    assert subscription.position == "2-0"
    assert ids(subscription.take(0)) == ["3-0"]


def test_stream_that_takes_nothing_is_closed() -> None:
    subscription = Subscription(Interest(), "0-0", "stream")
    for number in range(1, MOST + 2):
        subscription.offer(delivery(number))
    assert subscription.closed


def test_waiter_that_takes_nothing_has_a_gap() -> None:
    subscription = Subscription(Interest(), "0-0", "waiter")
    for number in range(1, MOST + 3):
        subscription.offer(delivery(number))
    assert not subscription.closed
    assert subscription.take(0) is None
    assert ids(subscription.take(0)) == [f"{MOST + 2}-0"]
