"""Streams that were opened with a session of the page end with it."""

import hashlib
import threading
import time

import pytest

from receiver.store.feed import Feed
from receiver.store.reader import Reader
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from receiver.web.live import event_stream
from receiver.web.live.event_frames import encode
from receiver.web.live.hub import Hub
from receiver.web.live.listener import Interest
from tests.support.listening import Listener
from tests.support.notifications import operation
from tests.support.service import Service
from tests.support.stores import StoreServer
from tests.web.test_signing_in import cookie_of, sign_in

FEED = "receiver:{0}:feed"


def begin_session(service: Service) -> tuple[str, str]:
    """Return the cookie of a new session, and the name by which the store knows it."""
    name, value, _ = cookie_of(sign_in(service))
    return f"{name}={value}", hashlib.sha256(value.encode()).hexdigest()


def sign_out(service: Service, cookie: str) -> None:
    headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    assert service.request("POST", "/sign-out", key=None, headers=headers).status == 303


def test_stream_ends_at_sign_out_in_every_process(service: Service, other_service: Service) -> None:
    cookie, _ = begin_session(service)
    other_cookie, _ = begin_session(service)
    with (
        Listener(other_service, cookie=cookie) as first,
        Listener(service, "?clientContext=later", cookie=cookie) as second,
        Listener(service, cookie=other_cookie) as of_another,
        Listener(service) as of_a_key,
    ):
        service.call_back(operation(cc="before", op="x"))
        first.wait_for(1)
        sign_out(service, cookie)
        service.call_back(operation(cc="later", op="y"))
        assert first.ended.wait(5)
        assert second.ended.wait(5)
        assert [event.data["clientContext"] for event in of_another.wait_for(2)] == ["before", "later"]
        assert [event.data["clientContext"] for event in of_a_key.wait_for(2)] == ["before", "later"]
    assert [event.data["clientContext"] for event in first.events] == ["before"]
    assert second.events == []
    assert service.get("/events", key=None, headers={"Cookie": cookie}).status == 401


def test_sign_out_without_a_session_changes_nothing(service: Service, store: StoreServer) -> None:
    service.call_back(operation())
    before = store.client.xlen(FEED)
    sign_out(service, "receiver_session=" + "x" * 43)
    sign_out(service, "receiver_session=nonsense")
    assert store.client.xlen(FEED) == before


def test_sign_out_sends_no_event_to_a_client_that_resumes(service: Service) -> None:
    with Listener(service) as listener:
        service.call_back(operation(cc="first", op="x"))
        listener.wait_for(1)
    cookie, _ = begin_session(service)
    sign_out(service, cookie)
    service.call_back(operation(cc="second", op="y"))
    with Listener(service, last_id=listener.last_id) as resumed:
        assert [event.data["clientContext"] for event in resumed.wait_for(1)] == ["second"]


def test_stream_ends_when_its_session_has_expired(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.2)
    store_client = StoreClient(connect(store.url, "required"))
    feed, is_open, answers = Feed(store_client), threading.Event(), 0

    def may_listen() -> bool:
        nonlocal answers
        answers += 1
        return is_open.is_set()

    is_open.set()
    hub = Hub(Feed(StoreClient(connect(store.url, "required"), size=1)), encode, most=1)
    listener = hub.subscribe("stream", Interest(), feed.position(), None)
    frames = event_stream.EventStream(listener, Reader(store_client), feed, may_listen).frames("")
    assert [next(frames) for _ in range(3)][2] == b":\n"
    is_open.clear()
    began = time.monotonic()
    assert set(frames) <= {b":\n"}
    assert time.monotonic() - began < 5
    assert answers >= 2
    hub.unsubscribe(listener)


def test_ended_session_opens_no_stream(service: Service, store: StoreServer) -> None:
    cookie, name = begin_session(service)
    with Listener(service, cookie=cookie):
        pass
    assert store.client.delete(f"receiver:{{0}}:session:{name}") == 1
    assert service.get("/events", key=None, headers={"Cookie": cookie}).status == 401
