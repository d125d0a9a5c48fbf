"""The event stream of a real receiver: its events, its interruptions, and its end."""

import threading
import time
from itertools import islice
from typing import Any

import pytest

from receiver.client import Event, NotAllowedError, Receiver, Stream, UnexpectedAnswerError, UnreachableError
from tests.client.conftest import Impostor
from tests.support.key_provider import Handler
from tests.support.notifications import CALL, call, operation
from tests.support.service import CLIENT_STATE, READ, Service, free_port
from tests.support.stores import StoreServer

STREAM: dict[str, Any] = {"Content-Type": "text/event-stream"}


def contexts(stream: Stream, count: int) -> list[str | None]:
    operations = (event.operation for event in islice(stream, count))
    return [operation.client_context for operation in operations if operation]


def test_changes_are_streamed(service: Service, receiver: Receiver) -> None:
    with receiver.stream() as stream:
        service.call_back(operation(status="running"))
        events = [next(stream)]
        service.call_back(operation(), call("established"))
        change = {
            "subscriptionId": "s",
            "clientState": CLIENT_STATE,
            "changeType": "created",
            "resource": "r",
        }
        service.request("POST", "/notifications", key=None, body={"value": [change]})
        events += islice(stream, 3)
    assert [event.kind for event in events] == ["operation", "operation", "call", "change"]
    statuses = [one.status for event in events if (one := event.operation)]
    assert statuses == ["running", "completed"]
    assert events[2].data["state"] == "established"
    assert events[3].data["notification"]["resource"] == "r"
    assert sorted(events, key=lambda event: event.id) == events
    assert stream.last_event_id == events[3].id


def test_a_stream_of_one_context_begins_with_its_state(service: Service, receiver: Receiver) -> None:
    service.call_back(operation(cc="a/b", status="running"), operation(cc="other", op="x"))
    with receiver.stream(client_context="a/b") as stream:
        assert contexts(stream, 1) == ["a/b"]
        service.call_back(operation(cc="other", op="y"), operation(cc="a/b"))
        event = next(stream)
    assert event.operation
    assert event.operation.completed


def test_a_stream_of_one_call_has_its_events_only(service: Service, receiver: Receiver) -> None:
    with receiver.stream(call_id=CALL) as stream:
        service.call_back(operation(call=CALL.replace("5", "6"), op="x"), call("established"))
        assert next(stream).kind == "call"


def test_a_stream_resumes_after_the_last_event_id(service: Service, receiver: Receiver) -> None:
    with receiver.stream() as stream:
        pass
    assert stream.last_event_id == "", "nothing has been read yet"
    with receiver.stream() as stream:
        service.call_back(operation(cc="first", op="a"), operation(cc="second", op="b"))
        assert contexts(stream, 1) == ["first"]
    with receiver.stream(last_event_id=stream.last_event_id) as resumed:
        assert contexts(resumed, 1) == ["second"]


def test_a_stream_survives_a_restart(own_service: Service) -> None:
    received: list[str | None] = []
    with Receiver(own_service.address, READ).stream() as stream:
        own_service.call_back(operation(cc="first", op="a"))
        received += contexts(stream, 1)
        own_service.call_back(operation(cc="second", op="b"))
        own_service.kill()
        reading = threading.Thread(target=lambda: received.extend(contexts(stream, 2)))
        reading.start()
        own_service.start()
        own_service.call_back(operation(cc="third", op="c"))
        reading.join(30)
    assert received == ["first", "second", "third"]


def test_a_position_beyond_the_feed_gets_a_reset(
    service: Service, receiver: Receiver, store: StoreServer
) -> None:
    with receiver.stream() as stream:
        service.call_back(operation(cc="old", op="old"))
        next(stream)
    service.call_back(operation(cc="dropped", op="x"), operation(cc="held", op="y"))
    time.sleep(0.5)  # the receiver reads the feed until it notices that the first stream is closed
    store.client.xtrim("receiver:{0}:feed", maxlen=1, approximate=False)
    with receiver.stream(last_event_id=stream.last_event_id) as resumed:
        first = next(resumed)
        assert (first.kind, first.operation) == ("reset", None)
        assert contexts(resumed, 3) == ["old", "dropped", "held"]
        assert resumed.last_event_id == stream.last_event_id, "more of the present state may follow"
        service.call_back(operation(cc="next", op="z"))
        assert contexts(resumed, 1) == ["next"]
        assert resumed.last_event_id > stream.last_event_id


@pytest.mark.parametrize("connected", [True, False])
def test_close_ends_a_waiting_iteration(own_service: Service, connected: bool) -> None:
    received: list[Event] = []
    ended = threading.Event()

    def read() -> None:
        received.extend(stream)
        ended.set()

    stream = Receiver(own_service.address, READ).stream()
    threading.Thread(target=read, daemon=True).start()
    own_service.call_back(operation())
    while not received:
        assert not ended.wait(0.01)
    if not connected:
        own_service.kill()
    assert not ended.wait(0.3)
    stream.close()
    assert ended.wait(5)
    assert list(stream) == []
    stream.close()
    assert len(received) == 1


def test_the_first_connection_must_succeed(service: Service) -> None:
    with pytest.raises(UnreachableError):
        Receiver(f"http://127.0.0.1:{free_port()}").stream()
    with pytest.raises(NotAllowedError):
        Receiver(service.address, "wrong").stream()


def test_a_refused_reconnect_is_raised(impostor: Impostor) -> None:
    def once(handler: Handler) -> None:
        if len(impostor.requests) == 1:
            handler.reply(b"retry: 10\n\ndata: {}\n\n", **STREAM)
        else:
            handler.reply(b"{}", 401, **{"Content-Type": "application/problem+json"})

    impostor.do = once
    stream = Receiver(impostor.origin).stream()
    assert next(stream).kind == "message"
    with pytest.raises(NotAllowedError):
        next(stream)


def test_reconnects_pause_and_warn_once(impostor: Impostor, caplog: pytest.LogCaptureFixture) -> None:
    def once(handler: Handler) -> None:
        if len(impostor.requests) == 1:
            handler.reply(b"retry: 50\nid: 5-0\n\n", **STREAM)
        elif len(impostor.requests) < 5:
            handler.close_connection = True
        else:
            assert handler.headers["Last-Event-ID"] == "5-0"
            handler.reply(b"event: operation\ndata: {}\n\n", **STREAM)

    impostor.do = once
    event = next(Receiver(impostor.origin).stream())
    assert len(impostor.requests) == 5
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "does not answer" in warnings[0]
    with pytest.raises(UnexpectedAnswerError, match="not an operation"):
        _ = event.operation


@pytest.mark.parametrize(
    "bookmark", ["retry: 9000\nid: 4-0\n\n", "retry: 9000\nid: 4-0\nevent: bookmark\ndata: {}\n\n"]
)
@pytest.mark.parametrize("alive", [":\n", ":\n\n", ": alive\n\n"])
def test_bookmarks_and_keep_alives_are_not_events(impostor: Impostor, bookmark: str, alive: str) -> None:
    result = "id: 5-0\nevent: reset\ndata: {}\n\n"
    strange = "id: 6-0\nevent: of-a-newer-receiver\ndata: text\n\n"
    body = f"{bookmark}{alive}{result}{alive}{strange}{bookmark.replace('4-0', '7-0')}{result.replace('5-0', '8-0')}"
    impostor.do = lambda handler: handler.reply(body.encode(), **STREAM)
    with Receiver(impostor.origin).stream() as stream:
        assert [(event.id, event.kind) for event in islice(stream, 2)] == [("5-0", "reset"), ("8-0", "reset")]


def test_an_event_without_an_object_is_raised(impostor: Impostor) -> None:
    impostor.do = lambda handler: handler.reply(b"data: hello\n\n", **STREAM)
    with pytest.raises(UnexpectedAnswerError, match="message"):
        next(Receiver(impostor.origin).stream())
