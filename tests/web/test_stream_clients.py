"""The stream read by third-party clients: each event has data, and keep-alives are not events."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import httpx_sse
import pytest
import sseclient

from receiver.simulator.issuer import Issuer
from tests.support.listening import Listener
from tests.support.notifications import operation
from tests.support.service import READ, Service
from tests.support.stores import StoreServer
from tests.support.waiting import until

HASTENED = (
    sys.executable,
    "-m",
    "tests.support.hastened",
    "receiver.web.live.event_stream.HEARTBEAT_SECONDS=1",
    "serve",
)
"""A receiver that sends keep-alives each second; that they come every 15 s is held in test_events.py."""

NODE = """
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = require("@microsoft/fetch-event-source");
const { EventSource } = require("eventsource");
const [address, key] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}` };
const print = (client, kind, data) => console.log(JSON.stringify([client, kind, JSON.parse(data).status ?? null]));
fetchEventSource(address, {
  headers,
  openWhenHidden: true,
  onmessage: (event) => print("fetch-event-source", event.event, event.data),
});
const source = new EventSource(address, {
  fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } }),
});
for (const kind of ["bookmark", "operation", "message"]) {
  source.addEventListener(kind, (event) => print("eventsource", kind, event.data));
}
"""
"""Parses the data of every event, as programs do, and prints what it got."""


@pytest.fixture
def quiet(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """Start a receiver of which no other test asks anything, and whose keep-alives come each second."""
    service = Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1")
    service.start(HASTENED)
    yield service
    service.kill()


def wait_for_keep_alive(service: Service) -> None:
    """Wait for two: those of streams that began earlier have then come as well."""
    with Listener(service) as listener:
        until(lambda: listener.comments >= 2)


def read_with_httpx_sse(address: str) -> Iterator[tuple[str, str, str]]:
    with (
        httpx.Client(headers={"Authorization": f"Bearer {READ}"}, timeout=40) as client,
        httpx_sse.connect_sse(client, "GET", address) as source,
    ):
        for event in source.iter_sse():
            yield event.event, event.id, event.json().get("status")


def read_with_sseclient(address: str) -> Iterator[tuple[str, str, str]]:
    headers = {"Authorization": f"Bearer {READ}", "Accept": "text/event-stream"}
    with httpx.stream("GET", address, headers=headers, timeout=40) as response:
        for event in sseclient.SSEClient(response.iter_bytes()).events():
            yield event.event, event.id or "", json.loads(event.data).get("status")


def test_python_clients_get_events_with_data_only(quiet: Service) -> None:
    got: dict[str, list[tuple[str, str, str]]] = {}

    def read(reader: Callable[[str], Iterator[tuple[str, str, str]]]) -> None:
        events = got[reader.__name__] = []
        for event in reader(f"{quiet.address}/events"):
            events.append(event)
            if event[2] == "completed":
                return

    readers = [
        threading.Thread(target=read, args=(reader,)) for reader in (read_with_httpx_sse, read_with_sseclient)
    ]
    for reader in readers:
        reader.start()
    wait_for_keep_alive(quiet)
    quiet.call_back(operation(cc="one", op="x", status="running"), operation(cc="two", op="y"))
    for reader in readers:
        reader.join(20)
    kinds = {name: [(kind, status) for kind, _, status in events] for name, events in got.items()}
    wanted = [("bookmark", None), ("operation", "running"), ("operation", "completed")]
    assert kinds == {"read_with_httpx_sse": wanted, "read_with_sseclient": wanted}
    assert all(event_id for events in got.values() for _, event_id, _ in events)


@pytest.mark.skipif(shutil.which("npm") is None, reason="no Node on this machine")
@pytest.mark.timeout(180)
def test_javascript_clients_get_events_with_data_only(quiet: Service, tmp_path: Path) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    packages = ("@microsoft/fetch-event-source@2", "eventsource@4")
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", *packages],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"no npm registry: {installed.stderr[-200:]}")
    (folder / "read.mjs").write_text(NODE)
    with (
        (folder / "errors").open("w+") as errors,
        subprocess.Popen(
            ["node", "read.mjs", f"{quiet.address}/events", READ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as node,
    ):
        try:
            assert node.stdout
            lines = [node.stdout.readline() for _ in range(2)]
            wait_for_keep_alive(quiet)
            quiet.call_back(operation(cc="one", op="x", status="running"), operation(cc="two", op="y"))
            lines += [node.stdout.readline() for _ in range(4)]
        finally:
            node.kill()
        assert (folder / "errors").read_text() == ""
    events = sorted(tuple(json.loads(line)) for line in lines)
    assert [(client, status) for client, _, status in events if status] == [
        (client, status)
        for client in ("eventsource", "fetch-event-source")
        for status in ("completed", "running")
    ]
    assert [(client, kind) for client, kind, status in events if not status] == [
        ("eventsource", "bookmark"),
        ("fetch-event-source", "bookmark"),
    ]


def test_stream_has_no_blank_line_without_data_before_it(quiet: Service) -> None:
    quiet.call_back(operation(status="running"))
    received = b""
    with socket.create_connection(("127.0.0.1", quiet.port), timeout=30) as client:
        head = (
            f"GET /events?clientContext=invite-1 HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n\r\n"
        )
        client.sendall(head.encode())
        while not received.endswith(b"\n:\n"):
            received += client.recv(1 << 16)
        quiet.call_back(operation())
        while received.count(b"event: operation") < 2 or not received.endswith(b"\n\n"):
            received += client.recv(1 << 16)
    body = received.partition(b"\r\n\r\n")[2].decode()
    blocks = body.removesuffix("\n\n").split("\n\n")
    assert [[line.partition(":")[0] for line in block.split("\n")] for block in blocks] == [
        ["retry", "event", "data"],
        ["id", "event", "data"],
        ["", "id", "event", "data"],
    ]
    assert blocks[1].split("\n")[1:] == ["event: bookmark", "data: {}"]
