"""The live stream, over real HTTP with two receivers on one store."""

import socket
import time
from pathlib import Path

from receiver.graph.statuses import state_rank
from receiver.graph.updates import CallUpdate
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
from tests.support.notifications import CALL, call, operation, roster
from tests.support.service import CLIENT_STATE, READ, WRITE, Service
from tests.support.stores import StoreServer


def test_every_change_is_streamed_from_any_process(service: Service, other_service: Service) -> None:
    with Listener(service) as listener:
        assert listener.response.headers["Content-Type"].startswith("text/event-stream")
        assert listener.response.headers["X-Accel-Buffering"] == "no"
        other_service.call_back(operation(status="running", recordingAccessToken="secret"))
        other_service.call_back(operation(status="running", recordingAccessToken="secret"))
        listener.wait_for(1)
        service.call_back(operation(), call("established"), roster({"id": "p"}))
        change = {
            "subscriptionId": "s",
            "clientState": CLIENT_STATE,
            "changeType": "created",
            "resource": "r",
        }
        service.request("POST", "/notifications", key=None, body={"value": [change]})
        events = listener.wait_for(4)
    assert [event.kind for event in events] == ["operation", "operation", "call", "change"]
    assert [event.data["status"] for event in events[:2]] == ["running", "completed"]
    assert events[1].data["operation"] == service.get("/operations/invite-1").json["operation"]
    assert (events[2].data["state"], events[2].data["roster"][0]["id"]) == ("established", "p")
    assert events[3].data["notification"]["resource"] == "r"
    assert "secret" not in str(events)
    assert CLIENT_STATE not in str(events)


def test_stream_of_a_client_context_begins_with_its_state(service: Service) -> None:
    service.call_back(operation(status="running"), operation(cc="other", op=""))
    with Listener(service, "?clientContext=invite-1") as listener:
        listener.wait_for(1)
        service.call_back(operation(cc="another", op="x"), operation())
        events = listener.wait_for(2)
        time.sleep(0.2)
    assert [event.data["status"] for event in events] == ["running", "completed"]
    assert len(listener.events) == 2


def test_update_while_a_stream_begins_is_streamed(store: StoreServer) -> None:
    store_client = StoreClient(connect(store.url, "required"))
    feed, reader = Feed(store_client), Reader(store_client)
    hub = Hub(Feed(StoreClient(connect(store.url, "required"), size=1)), encode, most=1)
    subscription = hub.subscribe("stream", Interest("", CALL), feed.position(), None)
    frames = EventStream(subscription, reader, feed, lambda: True).frames("")
    assert next(frames).startswith(b"retry:")
    update = CallUpdate(CALL, "", "established", state_rank("established"))
    Writer(BatchingClient(store_client), retention_days=1, overdue_seconds=120).store(
        [update], notification_id="1", within=2
    )
    assert b"event: operation" not in next(frames), "no operations yet"
    assert b"event: call\n" in next(frames)
    subscription.close()
    hub.unsubscribe(subscription)


def test_stream_of_a_call_has_the_call_and_its_operations(service: Service) -> None:
    with Listener(service, f"?callId={CALL.upper()}") as listener:
        service.call_back(
            operation(call=CALL.replace("5", "6"), op="x"), operation(cc=None), call("established")
        )
        events = listener.wait_for(2)
        time.sleep(0.2)
    assert [event.kind for event in events] == ["operation", "call"]
    assert len(listener.events) == 2


def test_stream_resumes_without_gap_and_repetition(service: Service, other_service: Service) -> None:
    with Listener(service) as listener:
        service.call_back(operation(cc="cc-0", op="op-0"))
        listener.wait_for(1)
    for number in range(1, 8):
        service.call_back(operation(cc=f"cc-{number}", op=f"op-{number}"))
    with Listener(other_service, last_id=listener.last_id) as resumed:
        resumed.wait_for(7)
        service.call_back(operation(cc="cc-8", op="op-8"))
        events = resumed.wait_for(8)
        time.sleep(0.2)
    assert [event.data["clientContext"] for event in events] == [f"cc-{number}" for number in range(1, 9)]
    assert len(resumed.events) == 8


def test_stream_without_events_resumes_where_it_began(service: Service) -> None:
    service.call_back(operation(cc="before", op="x"))
    with Listener(service) as listener:
        pass
    service.call_back(operation(cc="between", op="y"))
    with Listener(service, last_id=listener.last_id) as resumed:
        [event] = resumed.wait_for(1)
    assert event.data["clientContext"] == "between"


def test_each_tone_is_an_event_also_after_a_resume(service: Service, other_service: Service) -> None:
    def tone(number: int) -> dict[str, object]:
        return call("established", toneInfo={"sequenceId": number, "tone": f"tone{number}"})

    def shown(listener: Listener) -> list[int]:
        return [event.data["call"]["toneInfo"]["sequenceId"] for event in listener.events]

    with Listener(service, f"?callId={CALL}") as listener:
        service.call_back(tone(1), tone(2), tone(4))
        first, *_ = listener.wait_for(3)
        assert shown(listener) == [1, 2, 4]
    service.call_back(tone(5), call("terminated", change_type="deleted"), tone(3))
    with Listener(other_service, f"?callId={CALL}", last_id=first.id) as listener:
        listener.wait_for(4)
        other_service.call_back(tone(3), tone(6))
        events = listener.wait_for(5)
        assert shown(listener) == [2, 4, 5, 3, 6]
    assert [tone["sequenceId"] for tone in events[-1].data["tones"]] == [1, 2, 3, 4, 5, 6]
    assert {event.data["state"] for event in events} == {"terminated"}


def test_stream_too_far_behind_gets_reset_and_the_state(service: Service, store: StoreServer) -> None:
    with Listener(service) as listener:
        service.call_back(operation(cc="old", op="old"))
        listener.wait_for(1)
    service.call_back(operation(cc="dropped", op="x"), operation(cc="held", op="y"))
    store.client.xtrim("receiver:{0}:feed", maxlen=1, approximate=False)
    with Listener(service, last_id=listener.last_id) as resumed:
        resumed.wait_after_reset(["old", "dropped", "held"])
        service.call_back(operation(cc="next", op="z"))
        resumed.wait_after_reset(["old", "dropped", "held", "next"])
    assert resumed.events[0].kind == "reset"


def test_interrupted_state_is_sent_again_on_resume(service: Service) -> None:
    service.call_back(operation(op="one"), operation(op="two"))
    with Listener(service, "?clientContext=invite-1") as listener:
        events = listener.wait_for(2)
        service.call_back(operation(op="three"))
        listener.wait_for(3)
    assert [event.id for event in events] == ["", ""], "nothing to resume from in the middle of it"
    with Listener(service, "?clientContext=invite-1", last_id=listener.last_id) as resumed:
        service.call_back(operation(op="four"))
        [event] = resumed.wait_for(1)
    assert event.data["operationId"] == "four"


def test_stream_of_a_lost_store_gets_a_reset(service: Service, store: StoreServer) -> None:
    with Listener(service) as listener:
        service.call_back(operation())
        listener.wait_for(1)
    store.client.flushall()
    with Listener(service, last_id=listener.last_id) as resumed:
        assert [event.kind for event in resumed.wait_for(1)] == ["reset"]


def test_deleted_operation_is_not_streamed_again(service: Service) -> None:
    service.call_back(operation(cc="before", op="y"))
    with Listener(service) as listener:
        pass
    service.call_back(operation(), operation(cc="other", op="x"))
    service.request("DELETE", "/operations/invite-1", key=WRITE)
    with Listener(service, last_id=listener.last_id) as resumed:
        events = resumed.wait_for(1)
    assert [event.data["clientContext"] for event in events] == ["other"]


def test_stream_resumes_over_restart_of_receiver_and_store(
    tmp_path: Path, own_store: StoreServer, issuer: Issuer
) -> None:
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1") as service:
        with Listener(service) as listener:
            service.call_back(operation(cc="first", op="a"))
            listener.wait_for(1)
            own_store.kill()
            own_store.start()
            service.call_back(operation(cc="second", op="b"))
            listener.wait_for(2)
            began = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - began < 5, "a stream holds no stop up"
            assert listener.ended.wait(5)
        service.start()
        service.call_back(operation(cc="third", op="c"))
        with Listener(service, last_id=listener.last_id) as resumed:
            [event] = resumed.wait_for(1)
        assert event.data["clientContext"] == "third"


def test_client_that_does_not_read_is_dropped(service: Service) -> None:
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect(("127.0.0.1", service.port))
    lazy.sendall(f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n\r\n".encode())
    with Listener(service) as listener:
        for batch in range(20):
            items = [
                operation(cc=f"cc-{batch}-{n}", op=f"op-{batch}-{n}", filler="x" * 8000) for n in range(100)
            ]
            answer = service.call_back(*items)
            assert answer.status == 202
            assert answer.seconds < 2
        listener.wait_for(2000)
    lazy.settimeout(1)
    received = b""
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline:
        try:
            data = lazy.recv(1 << 16)
        except TimeoutError:
            continue
        except ConnectionResetError:
            break
        received += data
        if not data or received.endswith(b"\r\n0\r\n\r\n"):
            break
    assert received.count(b"\nevent: operation") < 2000
    lazy.close()


def test_quiet_stream_gets_keep_alives(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> None:
    alone = Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1")
    with alone, Listener(alone) as listener:
        deadline = time.monotonic() + 20
        while not listener.comments:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert listener.events == []
