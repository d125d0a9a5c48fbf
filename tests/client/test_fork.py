"""Clients created and used before a fork: each process uses connections of its own."""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

import pytest
import urllib3

from receiver.client import Receiver, UnexpectedAnswerError, UnreachableError
from tests.client.conftest import Impostor
from tests.client.test_faults import answering
from tests.support.key_provider import Handler
from tests.support.notifications import operation
from tests.support.service import ALL, READ, Service

ROUNDS = 100

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


class Child:
    """A forked process that calls a function; its result comes back as JSON."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._pipe, theirs = os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(theirs)
            return
        signal.alarm(30)
        try:
            os.write(theirs, json.dumps(work()).encode())
        except BaseException as error:  # noqa: BLE001 - pytest must never go on in the child
            os.write(theirs, json.dumps(repr(error)).encode())
        finally:
            os._exit(0)

    def result(self) -> Any:
        with os.fdopen(self._pipe, "rb") as pipe:
            result = pipe.read()
        os.waitpid(self._pid, 0)
        return json.loads(result)


@contextmanager
def closing(pool: urllib3.PoolManager) -> Iterator[urllib3.PoolManager]:
    try:
        yield pool
    finally:
        pool.clear()


def other_contexts(receiver: Receiver, name: str) -> list[str]:
    """Request one operation by every method; return the contexts of other operations."""
    found: list[str] = []
    for number in range(ROUNDS):
        result = [receiver.get(name), receiver.wait(name, timeout=0), *receiver.list(client_context=name)]
        if number % 10 == 0:
            receiver.register(name)
        found += [
            str(one and one.client_context) for one in result if one is None or one.client_context != name
        ]
    return found


@pytest.mark.parametrize("given", [False, True])
def test_children_of_a_fork_get_their_own_responses(service: Service, given: bool) -> None:
    names = ("done", "open")
    service.call_back(operation(cc="done", op="a"), operation(cc="open", op="b", status="running"))
    with closing(urllib3.PoolManager()) as pool:
        receiver = Receiver(service.address, ALL, http=pool if given else None)
        for _ in range(3):
            receiver.get("done")  # the kept-alive connection that children inherit
            children = [Child(partial(other_contexts, receiver, name)) for name in names]
            mine = other_contexts(receiver, "done")
            assert [child.result() for child in children] == [[], []]
            assert mine == []


def test_a_child_keeps_the_settings_of_a_given_pool(impostor: Impostor) -> None:
    seen: list[str | None] = []

    def note(handler: Handler) -> None:
        seen.append(handler.headers.get("Proxy-Authorization"))
        answering({"type": "/problems/operation-not-found"}, 404, "application/problem+json")(handler)

    impostor.do = note
    headers = urllib3.make_headers(proxy_basic_auth="a:b")
    with closing(urllib3.ProxyManager(impostor.origin, proxy_headers=headers)) as pool:
        receiver = Receiver("http://receiver.test", http=pool)
        assert receiver.get("x") is None
        assert Child(lambda: receiver.get("x")).result() is None
    assert seen == [headers["proxy-authorization"]] * 2


def test_a_child_reads_a_stream_on_its_own_connection(service: Service) -> None:
    def read() -> list[str]:
        return [event.data["clientContext"] for event in islice(stream, 3)]

    with Receiver(service.address, READ).stream() as stream:
        service.call_back(operation(cc="before", op="before"))
        assert next(stream).data["clientContext"] == "before"
        children = [Child(read) for _ in range(2)]
        service.call_back(*(operation(cc=f"cc-{number}", op=f"op-{number}") for number in range(3)))
        result = ["cc-0", "cc-1", "cc-2"]
        assert [child.result() for child in children] == [result, result]
        assert read() == result


@pytest.mark.parametrize("is_read", [False, True])
def test_a_child_that_closes_a_stream_leaves_it_open(service: Service, is_read: bool) -> None:
    result: list[str] = []
    with Receiver(service.address, READ).stream() as stream:
        service.call_back(operation(cc="before", op="before"))
        assert next(stream).data["clientContext"] == "before"
        reading = threading.Thread(target=lambda: result.append(next(stream).data["clientContext"]))
        if is_read:
            reading.start()
        assert Child(stream.close).result() is None
        service.call_back(operation(cc="after", op="after"))
        if not is_read:
            reading.start()
        reading.join(20)
    assert result == ["after"]


def other(**members: object) -> dict[str, object]:
    time = "2026-11-24T00:00:00Z"
    return {
        **dict.fromkeys(("callId", "operationId", "tenantId", "type", "status", "due", "conflict")),
        "clientContext": "alice@example.com",
        "done": True,
        "overdue": False,
        "operation": {},
        "timeline": [],
        "firstSeen": time,
        "updated": time,
        "revision": 1,
        "notifications": 1,
        "duplicates": 0,
        **members,
    }


def test_a_response_of_another_context_is_not_quoted(impostor: Impostor) -> None:
    receiver = Receiver(impostor.origin)
    impostor.do = answering(other())
    asks: list[Callable[[], object]] = [
        lambda: receiver.get("mine"),
        lambda: receiver.wait("mine"),
        lambda: receiver.register("mine"),
    ]
    for ask in asks:
        with pytest.raises(UnexpectedAnswerError, match="another client context") as refused:
            ask()
        assert "alice" not in str(refused.value)
    impostor.do = answering({"operations": [other()], "next": None})
    with pytest.raises(UnexpectedAnswerError, match="another client context"):
        list(receiver.list(client_context="mine"))
    assert len(list(receiver.list())) == 1


def test_a_malformed_response_is_not_quoted(impostor: Impostor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    impostor.do = lambda handler: handler.wfile.write(b'{"clientContext": "alice@example.com"}\r\n\r\n')
    for ask in (
        Receiver(impostor.origin).get,
        lambda name: Receiver(impostor.origin).wait(name, timeout=0.1),
    ):
        with pytest.raises(UnreachableError, match=r"the response is not HTTP \(BadStatusLine\)") as result:
            ask("x")
        assert result.value.__cause__ is result.value.__context__ is None, "it would quote the response"
    assert "alice" not in caplog.text
