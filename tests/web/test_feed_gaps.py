"""Gaps of the feed, and entries that are not the receiver's: waits and streams notice, and continue."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.graph.call_notifications import read_response
from receiver.simulator.issuer import Issuer
from receiver.store.feed import Feed
from receiver.store.reader import Reader
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Writer
from receiver.web.live.event_frames import encode
from receiver.web.live.event_stream import EventStream
from receiver.web.live.hub import Hub
from receiver.web.live.listener import Interest
from tests.support.listening import Listener
from tests.support.notifications import CALL, call, operation
from tests.support.service import WRITE, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer
from tests.support.waiting import until
from tests.web.test_waiting import Waiting

FEED = "receiver:{0}:feed"
AHEAD = 120_000
"""Milliseconds by which the clock of the store that is lost was ahead of its successor's."""


@pytest.fixture
def alone(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver whose store no other uses."""
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1") as service:
        yield service


def take_place(store: StoreServer) -> None:
    """Let another, empty store take the place of one whose clock was ahead: its last event id was larger."""
    ahead = f"{round(time.time() * 1000) + AHEAD}-0"
    store.client.xadd(FEED, {"k": "o", "r": "999", "v": "1"}, id=ahead)
    time.sleep(0.5)  # the hub has read it
    store.client.flushall()


def test_feed_that_went_back_resets_streams(alone: Service, own_store: StoreServer) -> None:
    with Listener(alone) as listener:
        alone.call_back(operation(cc="before"))
        listener.wait_for(1)
        take_place(own_store)
        events = listener.wait_for(2)
        assert events[1].kind == "reset"
        alone.call_back(operation(cc="after"))
        assert listener.wait_for(3, seconds=5)[2].data["clientContext"] == "after"


def test_feed_that_went_back_wakes_waits(alone: Service, own_store: StoreServer) -> None:
    waiting = Waiting(alone, "/operations/invite-1?wait=20")
    take_place(own_store)
    time.sleep(0.2)
    alone.call_back(operation())
    answer = waiting.answer()
    assert (answer.status, answer.json["status"]) == (200, "completed")
    assert answer.seconds < 8


def test_feed_that_went_back_while_idle_wakes_later_waits(alone: Service, own_store: StoreServer) -> None:
    waiting = Waiting(alone, "/operations/warm?wait=1")
    take_place(own_store)
    assert waiting.answer().status == 404
    waiting = Waiting(alone, "/operations/invite-1?wait=20")
    alone.call_back(operation())
    assert waiting.answer().json["done"]
    assert waiting.answer().seconds < 5


def test_store_that_lost_its_data_resets_streams(alone: Service, own_store: StoreServer) -> None:
    with Listener(alone) as listener:
        alone.call_back(operation(cc="before"))
        listener.wait_for(1)
        own_store.client.flushall()
        alone.call_back(operation(cc="after"))
        events = listener.wait_for(3)
        alone.call_back(operation(cc="later"))
        assert listener.wait_for(4)[3].data["clientContext"] == "later"
    assert [event.kind for event in events] == ["operation", "reset", "operation"]
    assert events[2].data["clientContext"] == "after"


def test_entries_dropped_while_a_client_catches_up_reset_it(store: StoreServer) -> None:
    store_client = StoreClient(connect(store.url, "required"))
    feed = Feed(store_client)
    writer = Writer(BatchingClient(store_client), retention_days=1, overdue_seconds=120)
    for start in range(0, 1200, 100):
        updates = [read_response({}, f"cc-{number}", "") for number in range(start, start + 100)]
        writer.store(updates, notification_id=f"delivery-{start}", within=2)
    first = store.stream(FEED, count=1)[0][0].decode()
    hub = Hub(Feed(StoreClient(connect(store.url, "required"), size=1)), encode, most=1)
    subscription = hub.subscribe("stream", Interest(), feed.position(), None)
    frames = EventStream(subscription, Reader(store_client), feed, lambda: True).frames(first)
    assert next(frames) == b"retry: 3000\n"
    assert next(frames).count(b"event: operation\n") == 500
    store.client.xtrim(FEED, maxlen=10, approximate=False)  # the client was slow to take them
    assert next(frames).startswith(b"event: reset\n")
    present = next(frames)
    assert present.count(b"event: operation\n") == 200
    assert present.endswith(b"event: bookmark\ndata: {}\n\n")
    subscription.close()
    hub.unsubscribe(subscription)


@pytest.mark.parametrize(
    "last_id", ["nonsense", "1-2-3", "12", "0x1-0", "9" * 19 + "-0", "9" * 40 + "-1", "-1-0"]
)
def test_last_event_id_that_is_not_of_the_feed_resets(service: Service, last_id: str) -> None:
    service.call_back(operation())
    with Listener(service, last_id=last_id) as listener:
        assert [event.kind for event in listener.wait_for(2)] == ["reset", "operation"]
        service.call_back(operation(cc="next", op="x"))
        # A further reset may come before it: the store was emptied under the streams of the test before.
        until(lambda: any(event.data.get("clientContext") == "next" for event in listener.events))


def test_deleted_newest_entry_resets_no_stream(service: Service) -> None:
    with Listener(service, "?clientContext=invite-2") as filtered, Listener(service) as listener:
        service.call_back(operation(), call("established"))
        listener.wait_for(2)
        assert service.request("DELETE", f"/calls/{CALL}", key=WRITE).status == 204
        time.sleep(1.5)  # the hub has looked again
        service.call_back(operation(cc="invite-2", op="x"))
        assert [event.kind for event in listener.wait_for(3)] == ["operation", "call", "operation"]
        assert [event.kind for event in filtered.wait_for(1)] == ["operation"]
    with Listener(service, last_id=listener.last_id) as resumed:
        time.sleep(0.3)
    assert resumed.events == []


def test_odd_entries_end_no_stream(service: Service, store: StoreServer) -> None:
    odd: list[dict[str, str | bytes]] = [
        {"x": "1"},
        {"k": "o", "r": "nonsense", "v": "1"},
        {"k": "o", "r": "1", "v": "one"},
        {"k": "n", "r": "not an id", "v": "0"},
        {"k": "n", "r": "1-1", "v": "0"},
        {"k": "z", "r": "1", "v": "1"},
        {"k": "c", "r": b"\xff", "v": "1"},
        {"k": "o", "r": "777", "v": "1"},
        {"k": "o", "r": "778", "v": "1"},
    ]
    store.client.lpush("receiver:{0}:op:777", "of another type")
    store.client.set("receiver:{0}:op:778", '{"from": "tomorrow"}')
    with Listener(service) as listener:
        for fields in odd:
            store.client.xadd(FEED, dict[Any, Any](fields))
        waiting = Waiting(service, "/operations/invite-1?wait=20")
        service.call_back(operation())
        assert waiting.answer().json["done"]
        [event] = listener.wait_for(1)
    with Listener(service, last_id=event.id.replace(event.id, "0-0")) as resumed:
        assert resumed.wait_for(1)[0].id == event.id


def test_feed_of_another_type_is_read_after_its_removal(start: Start, store: StoreServer) -> None:
    service = start()
    with Listener(service) as listener:
        store.client.set(FEED, "of another type")
        assert service.get("/events").status == 503
        assert service.get("/operations/invite-1?wait=1").status == 503
        time.sleep(1.5)
        store.client.delete(FEED)
        service.call_back(operation())
        assert listener.wait_for(1)[0].data["clientContext"] == "invite-1"


def test_stream_is_rejected_while_the_store_is_unavailable(alone: Service, own_store: StoreServer) -> None:
    own_store.kill()
    refused = alone.get("/events")
    own_store.start()
    assert (refused.status, refused.problem) == (503, "store-unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
