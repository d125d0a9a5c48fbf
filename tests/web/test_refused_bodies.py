"""Rejected bodies of authenticated senders: their beginning is quarantined."""

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.notifications import CALL, OPERATION, operation
from tests.support.service import READ, WRITE, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer

KEPT = 1 << 16
SECRET = "Ann-and-her-secret"
NOT_JSON = b'{"value": [{"clientContext": "cut", "name": "%s", ' % SECRET.encode()


def entries(service: Service) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.get("/quarantine", key=WRITE).json["items"]
    return items


def stored(store: StoreServer) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in store.stream("receiver:{0}:quarantine")]


def test_body_that_is_not_json_is_quarantined_masked(service: Service, store: StoreServer) -> None:
    assert service.call_back(body=NOT_JSON).status == 400
    [entry] = entries(service)
    assert (entry["reason"], entry["contract"]) == (
        "The body is not JSON. Its first 64 KiB are kept.",
        "callback",
    )
    assert entry["item"] == "[redacted]"
    assert json.loads(stored(store)[0][b"text"]) == NOT_JSON.decode()
    for key in (READ, WRITE):
        assert SECRET not in service.get("/", key=key).body.decode()
    replay = service.request("POST", f"/quarantine/{entry['id']}/replay", key=WRITE)
    assert (replay.status, replay.problem) == (409, "still-unreadable")


@pytest.mark.parametrize("address", [f"/app/calls/{CALL}", f"/app/calls/{CALL}/x", f"/app/calls('{CALL}')"])
def test_rejected_body_is_deleted_with_its_call(service: Service, store: StoreServer, address: str) -> None:
    assert service.call_back(body=b'{"value": [{"resourceUrl": "%s", ' % address.encode()).status == 400
    assert service.request("DELETE", f"/calls/{OPERATION}", key=WRITE).status == 404
    assert service.request("DELETE", f"/calls/{CALL}", key=WRITE).status == 204
    assert stored(store) == []


def test_bytes_that_are_not_text_are_quarantined(service: Service, store: StoreServer) -> None:
    assert service.call_back(body=b"\xff\xfe\x00{").status == 400
    assert len(entries(service)) == 1
    assert "\ufffd" in json.loads(stored(store)[0][b"text"])


@pytest.mark.parametrize("client_context", ["cut", "second"])
def test_rejected_body_is_deleted_with_each_client_context(
    service: Service, store: StoreServer, client_context: str
) -> None:
    assert service.call_back(body=NOT_JSON + b'"clientContext": "second"').status == 400
    assert service.request("DELETE", "/operations/other", key=WRITE).status == 404
    assert service.request("DELETE", f"/operations/{client_context}", key=WRITE).status == 204
    assert stored(store) == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_first_64_kib_of_a_too_large_body_are_quarantined(
    start: Start, store: StoreServer, framing: str
) -> None:
    service = start(RECEIVER_MAX_BODY_BYTES="100000")
    body = json.dumps({"value": [operation(padding="x" * 300_000)]}).encode()
    connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
    headers = {"Authorization": f"Bearer {service.token()}", "Content-Type": "application/json"}
    if framing == "chunked":
        connection.request("POST", "/callback", iter([body]), headers, encode_chunked=True)
    else:
        connection.request("POST", "/callback", body, headers)
    assert connection.getresponse().status == 413
    [entry] = stored(store)
    assert entry[b"reason"] == b"a body over the size limit"
    assert json.loads(entry[b"text"]) == body[:KEPT].decode()


def test_rejected_body_before_100_continue_is_not_quarantined(start: Start, store: StoreServer) -> None:
    service = start(RECEIVER_MAX_BODY_BYTES="1024")
    connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.putrequest("POST", "/callback")
    for name, value in {
        "Authorization": f"Bearer {service.token()}",
        "Content-Type": "application/json",
        "Content-Length": "5000",
        "Expect": "100-continue",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    assert stored(store) == []


def test_rejected_body_is_spooled_during_an_outage(start: Start, tmp_path: Path) -> None:
    service = start(REDIS_URL="unix:///nonexistent.sock", RECEIVER_SPOOL=str(tmp_path / "spool"))
    assert service.call_back(body=NOT_JSON).status == 400
    assert service.get("/readyz", key=None).json["spool"]["waiting"] == 1


def test_rejected_body_of_unverified_sender_is_not_stored(service: Service, store: StoreServer) -> None:
    assert service.call_back(body=NOT_JSON, token="forged").status == 401
    assert service.request("POST", "/notifications", key=None, body=NOT_JSON).status == 400
    assert store.client.keys() == []
