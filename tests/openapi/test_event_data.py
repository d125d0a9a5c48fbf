"""The data of every type of event is as the document has it."""

import json
import threading
from collections.abc import Iterator

import urllib3

from tests.support.api_document import document, wrong_with
from tests.support.notifications import call, operation, roster
from tests.support.service import CLIENT_STATE, READ, Service

SCHEMAS = document()["paths"]["/events"]["get"]["responses"]["200"]["content"]["text/event-stream"][
    "x-events"
]


def events(service: Service, last_event_id: str) -> Iterator[tuple[str, object]]:
    """Yield type and data of each event."""
    headers = {"Authorization": f"Bearer {READ}", "Last-Event-ID": last_event_id}
    pool = urllib3.PoolManager(timeout=20)
    answer = pool.request("GET", f"{service.address}/events", headers=headers, preload_content=False)
    kind, text = "", b""
    try:
        for chunk in answer.stream(1):
            text += chunk
            if chunk != b"\n":
                continue
            line, text = text.decode().rstrip("\n"), b""
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))
    finally:
        answer.close()
        pool.clear()


def test_event_data_fits_its_schema(service: Service) -> None:
    item = {"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": "created", "resource": "r"}
    assert service.call_back(operation(cc="present")).status == 202

    def happen() -> None:
        service.call_back(operation(), call(), roster({"id": "1"}))
        service.request("POST", "/notifications", key=None, body={"value": [item]})

    timer = threading.Timer(1, happen)
    timer.start()
    seen: set[str] = set()
    for kind, data in events(service, "1-1"):  # long gone, so it begins with a reset
        assert wrong_with({"schema": SCHEMAS[kind]}, data) == [], kind
        seen.add(kind)
        if seen == set(SCHEMAS):
            break
    timer.join()
    assert seen == set(SCHEMAS)
