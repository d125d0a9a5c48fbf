"""Whatever Graph might post, signed as Graph signs: it is taken or refused, and the store holds what it should."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import notifications
from tests.fuzz.night import IS_NIGHT, cases
from tests.support.service import ALL, WRITE, Answer, Service
from tests.support.store_rules import hold_store
from tests.support.stores import StoreServer

FUZZ = settings(
    max_examples=cases(usually=80, at_night=30_000),
    deadline=None,
    derandomize=not IS_NIGHT,  # what is found by day must be found again
    suppress_health_check=list(HealthCheck),
)
HANGS = 5.0
"""Seconds; a receiver gives up after 2.5, and this machine may be busy."""

CALLBACKS = notifications.bodies(notifications.items())
CHANGES = notifications.bodies(notifications.changes())


def settled(answer: Answer) -> Answer:
    """Return an answer that is not a 5xx and arrived in time; the service holds it to the document."""
    assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, answer.body
    assert answer.seconds < HANGS
    return answer


@pytest.mark.timeout(0 if IS_NIGHT else 120)
@FUZZ
@given(st.lists(CALLBACKS | notifications.registrations(), min_size=1, max_size=4))
def test_updates_of_operations_are_accepted_or_refused(
    service: Service, store: StoreServer, updates: list[bytes | tuple[str, dict[str, Any]]]
) -> None:
    store.client.flushall()
    token = service.token()
    for one in updates:
        before = hold_store(store.client)
        if isinstance(one, bytes):
            answer = settled(service.call_back(body=one, token=token))
            assert answer.status in {202, 204, 400}
            most = resources(one) if answer.status == HTTPStatus.ACCEPTED else 0
        else:
            answer = settled(service.request("PUT", path_of(one[0]), key=WRITE, body=one[1]))
            assert answer.status in {200, 201, 400}
            most = 1 if answer.status != HTTPStatus.BAD_REQUEST else 0
        assert hold_store(store.client) <= before + most
    left = read_all(service)
    assert hold_store(store.client) == left


@pytest.mark.timeout(0 if IS_NIGHT else 120)
@FUZZ
@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_a_change_notification_is_taken_or_refused(
    service: Service, store: StoreServer, posts: list[bytes]
) -> None:
    store.client.flushall()
    for body in posts:
        answer = settled(service.request("POST", "/notifications", key=None, body=body))
        assert answer.status in {202, 400}
        assert hold_store(store.client) == 0
    settled(service.get("/notifications"))
    settled(service.get("/quarantine", key=WRITE))


@FUZZ
@given(st.sampled_from(["/callback", "/notifications"]), st.text(max_size=300), CALLBACKS | st.binary())
def test_a_handshake_is_answered_with_its_token_whatever_it_is(
    service: Service, store: StoreServer, path: str, token: str, body: bytes
) -> None:
    answer = settled(
        service.request("POST", f"{path}?validationToken={quote(token, safe='')}", key=None, body=body)
    )
    assert (answer.status, answer.body.decode()) == (200, token)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert store.client.keys() == []


def path_of(client_context: str) -> str:
    return f"/operations/{quote(client_context, safe='')}"


def resources(body: bytes) -> int:
    """Count the resources in a body: there are never more records of it."""
    try:
        items = json.loads(body)["value"]
        data = [item.get("resourceData") if isinstance(item, dict) else None for item in items]
    except (ValueError, TypeError, KeyError):
        return body.count(b"{")
    return sum(len(one) if one and isinstance(one, list) else 1 for one in data)


def read_all(service: Service) -> int:
    """Ask for all there is, in every way; forget what has a client context; return how many records are left."""
    for entry in settled(service.get("/quarantine", key=WRITE)).json["items"]:
        replayed = settled(service.request("POST", f"/quarantine/{entry['id']}/replay", key=WRITE))
        assert replayed.status in {400, 409}, "what can be read is not put in quarantine"
    listed = settled(service.get("/operations?limit=200")).json["operations"]
    assert settled(service.get("/", key=ALL)).status == 200
    for one in listed:
        if one["callId"]:
            call = quote(one["callId"], safe="")
            assert settled(service.get(f"/calls/{call}")).status == 200
            assert settled(service.get(f"/view/call/{call}")).status == 200
    for client_context in {one["clientContext"] for one in listed} - {None}:
        path = path_of(client_context)
        assert settled(service.get(path, key=ALL)).status == 200
        assert settled(service.request("DELETE", path, key=WRITE)).status == 204
        assert settled(service.get(path)).status == 404
    return sum(one["clientContext"] is None for one in listed)
