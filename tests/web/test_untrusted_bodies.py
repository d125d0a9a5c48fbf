"""Bodies of unauthenticated senders on /notifications: not parsed without a clientState, and limited in bytes."""

import io
import json
import socket
import time
from contextlib import AbstractContextManager

import psutil
import pytest

from receiver.graph.change_notifications import has_accepted_client_state
from receiver.web.middleware.untrusted_bodies import MAX_BYTES, Readable, UntrustedBodies
from tests.support.service import CLIENT_STATE, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer
from tests.web.test_logs import await_a_line_of_its_own

ITEM = {"subscriptionId": "s-1", "changeType": "updated", "resource": "r", "clientState": CLIENT_STATE}
MEGABYTE = 1_000_000


def padded(*items: object, indent: int | None = None) -> bytes:
    """A body of many kilobytes, with a long resource in front of the items."""
    body = {"padding": "x" * 20_000, "value": list(items)}
    return json.dumps(body, indent=indent, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(padded(ITEM), id="plain"),
        pytest.param(padded(ITEM, indent=4), id="with white space"),
        pytest.param(padded({"clientState": "other"}, ITEM), id="after another"),
        pytest.param(
            padded(*[{"clientState": str(n)} for n in range(1000)], ITEM), id="after a thousand others"
        ),
        pytest.param(
            padded({"resourceData": [{"clientState": "x"}] * 1000, **ITEM}), id="after a thousand within"
        ),
        pytest.param(padded({**ITEM, "clientState": 7}, ITEM), id="after one that is not a text"),
        pytest.param(
            padded(ITEM).replace(b"client state", b"cl\\u0069ent\\u0020state"), id="with escapes in its value"
        ),
        pytest.param(padded({"resourceData": {"clientState": "x"}, **ITEM}), id="after one within the data"),
    ],
)
def test_large_body_with_our_client_state_is_stored(service: Service, body: bytes) -> None:
    assert service.request("POST", "/notifications", key=None, body=body).status == 202
    stored = service.get("/notifications").json["notifications"]
    assert [one["notification"]["subscriptionId"] for one in stored] == ["s-1"]


@pytest.mark.parametrize(
    "body",
    [
        padded({**ITEM, "clientState": "other"}),
        padded({**ITEM, "clientState": CLIENT_STATE + "x"}),
        padded({"resource": f'"clientState":"{CLIENT_STATE}"'}),
        padded().replace(b'"value"', b"broken"),
    ],
    ids=["wrong", "longer", "within a text", "not JSON"],
)
def test_large_body_without_our_client_state_is_dropped(
    service: Service, store: StoreServer, body: bytes
) -> None:
    await_a_line_of_its_own()
    before = len(service.log)
    assert service.request("POST", "/notifications", key=None, body=body).status == 202
    assert store.client.keys() == []
    time.sleep(0.1)
    assert "a body without a known clientState is ignored" in service.log[before:]


def item_bodies() -> dict[str, bytes]:
    return {
        "items": b'{"value":[' + b'{"clientState":"x"},' * (MEGABYTE // 20) + b"0]}",
        "empty items": b'{"value":[' + b"{}," * (MEGABYTE // 3) + b"0]}",
        "numbers": b'{"value":[' + b"0," * (MEGABYTE // 2) + b"0]}",
        "lone surrogates": b'{"value":[' + b'{"clientState":"\\ud800"},' * (MEGABYTE // 25) + b"0]}",
        "brackets": b"[" * MEGABYTE,
        "keys": b'"clientState":' * (MEGABYTE // 14),
        "an open text": b'"clientState":"' + b"\\\\" * (MEGABYTE // 2),
        "open texts": b'\\"clientState":"' * (MEGABYTE // 16),
        "white space": (b'"clientState"' + b" " * 1000) * (MEGABYTE // 1013),
    }


@pytest.mark.parametrize("name", item_bodies())
def test_search_for_a_client_state_is_cheap(name: str) -> None:
    body = item_bodies()[name]
    best = 9.0
    for _ in range(5):
        began = time.process_time()
        assert not has_accepted_client_state(body, lambda _: False)
        best = min(best, time.process_time() - began)
    assert best < 0.02, "to parse and read it takes 0.1 to 0.5 s"


def test_bytes_of_untrusted_bodies_are_limited() -> None:
    bodies, cut = UntrustedBodies(100), []

    def counting(name: str) -> AbstractContextManager[Readable]:
        return bodies.counting(io.BytesIO(bytes(1000)), lambda: cut.append(name))

    with counting("a") as a, counting("b") as b:
        assert len(a.read(60)) == len(b.read(30)) + 30 == 60
        assert cut == []
        with counting("c") as c:
            c.read(20)
            assert cut == ["a"]
            a.read(1000)
            assert cut == ["a"], "what is cut no longer counts"
            with counting("d") as d:
                assert len(d.read(2000)) == 1000
                assert cut == ["a", "b", "c"], "one alone may be larger"
    with counting("e") as e:
        e.read(100)
        assert cut == ["a", "b", "c"]


def test_announced_body_that_is_not_sent_counts_nothing(start: Start, store: StoreServer) -> None:
    """Neither by its length nor as chunks: else a few clients could have all others cut."""
    service = start()
    heads = (b"Content-Length: 1000000\r\n\r\n[", b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n")
    clients = []
    for number in range(2 * MAX_BYTES // MEGABYTE):
        client = socket.create_connection(("127.0.0.1", service.port), 5)
        clients.append(client)
        client.sendall(b"POST /notifications HTTP/1.1\r\nHost: h\r\n" + heads[number % 2])
    for client in clients:
        client.settimeout(0.01)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.close()


def test_slow_large_bodies_take_little_memory(start: Start, store: StoreServer) -> None:
    """Each sends nearly a megabyte and then nothing; together more than four times what may be on its way."""
    service = start()
    assert service.process
    worker = psutil.Process(service.process.pid).children()[0]
    before = worker.memory_info().rss
    head = b"POST /notifications HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
    clients = []
    for _ in range(4 * MAX_BYTES // MEGABYTE):
        client = socket.create_connection(("127.0.0.1", service.port), 5)
        clients.append(client)
        try:
            client.sendall(head + bytes(990_000))
        except ConnectionError:
            continue
    assert worker.memory_info().rss - before < 3 * MAX_BYTES
    for body in (json.dumps({"value": [ITEM]}).encode(), padded(ITEM)):
        answer = service.request("POST", "/notifications", key=None, body=body)
        assert (answer.status, answer.seconds < 2.5) == (202, True)
    for client in clients:
        client.close()


def test_body_well_over_the_limit_is_413(service: Service) -> None:
    answer = service.request("POST", "/notifications", key=None, body=bytes(6 * MEGABYTE))
    assert (answer.status, answer.problem) == (413, "payload-too-large")
