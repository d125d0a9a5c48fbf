"""Odd values under every kind of key: what another version or another program wrote fails nothing but itself."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis

from receiver.simulator.issuer import Issuer
from tests.support.listening import Listener
from tests.support.notifications import CALL, JOINING, OPERATION, call, operation, participant, roster
from tests.support.service import ALL, CLIENT_STATE, Service
from tests.support.store_rules import RULES
from tests.support.stores import StoreServer

PREFIX: Final = "receiver:{0}:"
TEXTS: Final = (b"", b"odd", b"{}", b"[]", b"null", b'{"schema":2}', b"\xff\xfe", b"-1", b"1e400", b"9" * 400)
LIST_PAGES: Final = (
    "/operations",
    "/operations?clientContext=invite-1",
    f"/operations?callId={CALL}",
    "/operations?overdue=true",
    "/operations?since=2020-01-01T00:00:00Z",
    "/notifications",
    "/quarantine",
    "/",
    "/view/quarantine",
)
RECORD_PAGES: Final = (
    "/operations/invite-1",
    f"/calls/{CALL}",
    f"/calls/{CALL}/operations/{OPERATION}",
    f"/view/call/{CALL}",
    "/view/operation/1",
    "/view/operation/2",
)
OWN_PAGES: Final = {
    "cc": "clientContext=invite-1",
    "ops": CALL,
    "changes": "/notifications",
    "quarantine": "quarantine",
}
"""Pages that read an index; where it is of another type, each answers 503 by itself."""

ESSENTIAL: Final = frozenset({"next", "feed", "due", "overdue"})
"""Where one of these is of another type (`next`: no number), nothing can be stored in order, and Graph gets 503."""


def put_odd_values(client: redis.Redis, name: str) -> Iterator[Callable[[], object]]:
    """Yield what writes an odd value under a key, within its type."""
    kind = client.type(name)
    if kind == b"string":
        for text in TEXTS:
            yield lambda text=text: client.set(name, text)  # type: ignore[misc]
    elif kind == b"zset":
        members: dict[Any, float] = {text: float(place) for place, text in enumerate(TEXTS)}
        yield lambda: client.zadd(name, {**members, "1": float("inf"), b"7": float("-inf")})
    elif kind == b"hash":
        for text in TEXTS:
            yield lambda text=text: [client.hset(name, field, text) for field in (OPERATION, "", text)]  # type: ignore[misc]
    elif kind == b"list":
        yield lambda: client.lpush(name, *TEXTS)
    elif kind == b"stream":
        yield lambda: [
            client.xadd(name, {"k": kind, "r": text, "v": text}) for kind in "ocnsz" for text in TEXTS
        ]
        yield lambda: [
            client.xadd(name, {field: text}) for field in ("text", "reason", "k") for text in TEXTS
        ]


def fill(service: Service) -> None:
    posted = (
        operation(),
        operation(status="running", cc="invite-2", op="2"),
        operation(cc=None, op="3"),
        operation(cc="invite-4", call="", op=""),
        call(),
        roster(participant(1)),
        JOINING,
        "odd",
    )
    assert service.call_back(*posted).status == 202
    change = {"value": [{"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": "updated"}]}
    assert service.request("POST", "/notifications", key=None, body=change).status == 202
    assert service.request("PUT", "/operations/registered?deadline=60", key=ALL, body={}).status in {200, 201}


@pytest.fixture(scope="module")
def alone(
    store_server: StoreServer, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A receiver whose loops nothing else keeps busy."""
    with Service(tmp_path_factory.mktemp("odd"), store_server.url, issuer, WEB_CONCURRENCY="1") as service:
        yield service


@pytest.fixture(scope="module")
def kinds(store_server: StoreServer, alone: Service) -> list[str]:
    """A key of each row of the table, as far as the receiver has made one."""
    store_server.client.flushall()
    fill(alone)
    store_server.client.zadd(f"{PREFIX}overdue", {"2": 2})
    names = sorted(name.decode() for name in store_server.client.scan_iter())
    found = (next((name for name in names if rule.pattern.fullmatch(name)), None) for rule in RULES)
    return [name for name in found if name]


def is_essential(name: str) -> bool:
    return name.removeprefix(PREFIX) in ESSENTIAL


def hold_others(service: Service, name: str, *, pages: tuple[str, ...]) -> None:
    """Hold that everything else is stored, listed, waited for, streamed and deleted."""
    kind = name.removeprefix(PREFIX).partition(":")[0]
    for page in pages:
        answer = service.get(page, key=ALL)
        assert answer.status < 500 or OWN_PAGES.get(kind, "no page") in page, (name, page, answer.body)
    with Listener(service, "?clientContext=other") as listener:
        waited: list[Any] = []
        waiting = threading.Thread(target=lambda: waited.append(service.get("/operations/other?wait=10")))
        waiting.start()
        assert service.call_back(operation(cc="other", op="other", call="other-call")).status == 202
        waiting.join()
        assert waited[0].json["done"], name
        listener.wait_for(1)
    assert service.request("DELETE", "/operations/other", key=ALL).status == 204
    assert service.request("DELETE", "/calls/other-call", key=ALL).status in {204, 404}


@pytest.mark.timeout(300)
def test_odd_values_of_the_right_type_fail_nothing(
    alone: Service, store_server: StoreServer, kinds: list[str]
) -> None:
    client = store_server.client
    assert len(kinds) > 12
    for name in kinds:
        if name == f"{PREFIX}next":
            continue
        client.flushall()
        fill(alone)
        for number, put in enumerate(put_odd_values(client, name)):
            put()
            hold_others(alone, name, pages=(*LIST_PAGES, *RECORD_PAGES))
            if number == 0:
                for path in ("/operations/invite-1", f"/calls/{CALL}"):
                    assert alone.request("DELETE", path, key=ALL).status in {204, 404}, (name, path)
                fill(alone)
        client.flushall()
        assert alone.get("/readyz").status == 200, (name, alone.get("/readyz").json)


def test_counter_that_is_not_a_number_fails_no_list(alone: Service, store_server: StoreServer) -> None:
    store_server.client.flushall()
    fill(alone)
    for text in TEXTS:
        store_server.client.set(f"{PREFIX}next", text)
        for page in (*LIST_PAGES, *RECORD_PAGES):
            assert alone.get(page, key=ALL).status < 500, (page, text)
    store_server.client.flushall()


@pytest.mark.timeout(300)
def test_keys_of_another_type_fail_nothing_else(
    alone: Service, store_server: StoreServer, kinds: list[str]
) -> None:
    client = store_server.client
    for name in kinds:
        if is_essential(name):
            continue
        for put in (lambda: client.sadd(name, "odd"), lambda: client.set(name, "odd")):  # noqa: B023
            client.flushall()
            fill(alone)
            client.delete(name)
            put()
            hold_others(alone, name, pages=LIST_PAGES)
    client.flushall()
    assert alone.get("/readyz").status == 200, alone.get("/readyz").json
