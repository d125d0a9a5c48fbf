"""Make golden data: what a released version writes to its store and its spool, and what it answers from them.

    python -m tests.golden FOLDER

Run it with the code of the release, once. Later versions must read the files; see `test_golden.py`.
"""

import argparse
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import urllib3

from receiver.simulator.issuer import Issuer
from receiver.trust.api_keys import APIKey
from tests.golden import API_KEY, contexts
from tests.support import stores
from tests.support.notifications import call, item, operation, roster
from tests.support.service import CLIENT_STATE, Service
from tests.support.waiting import until

CALL: Final = "57dab8b1-894c-409a-b240-bd8beae78896"
OTHER_CALL: Final = "fa0f5238-af94-457b-8a7e-3cb57ee5af15"
REJECTED_CALL: Final = "0badca11-0000-4000-8000-000000000000"
PEOPLE: Final = [{"identity": {"user": {"id": "550fae72-d251-43ec-868c-373732c2704f", "displayName": "Ann"}}}]


def main() -> None:
    """Write `store.json`, `spool.db` and `answers.json` to the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, stores.start("redis-6.2") as store, Issuer() as issuer:
        key = APIKey.of(API_KEY, "golden", ["read", "write", "secrets"])
        service = Service(
            Path(scratch),
            store.url,
            issuer,
            WEB_CONCURRENCY="1",
            RECEIVER_SPOOL=str(Path(scratch) / "spool"),
            RECEIVER_API_KEYS=key.entry,
            RECEIVER_OVERDUE_SECONDS="86400",
        )
        with service:
            post_everything(service)
            answers = ask_everything(service)
            session = sign_in(service)
            _write(folder / "store.json", dump(store))
            _write(folder / "answers.json", {"session": session, **answers})
            fill_spool(service, store)
            service.kill()
            with sqlite3.connect(Path(scratch) / "spool/spool.db") as spool:
                spool.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(Path(scratch) / "spool/spool.db", folder / "spool.db")


def post_everything(service: Service) -> None:
    """Post records of every type, with missing ids, conflicts, duplicates, overdue, calls and quarantine."""
    for kind in contexts.TYPES:
        accept(service, operation(cc=f"type-{kind}", op=f"op-{kind}", type=kind, participants=PEOPLE))
    for status in ("notStarted", "running", "completed", "failed", "somethingNew", None):
        info = {"code": 408, "subcode": 10057, "message": "4:+12065550100 did not answer"}
        result: dict[str, Any] = {"resultInfo": info}
        members = result if status in {"completed", "failed"} else {}
        accept(service, operation(cc=f"status-{status}", op=f"op-{status}", status=status, **members))
    # What lacks an id: the operation's, the client context, the call's, and Graph's "operations/participants".
    accept(service, item(f"/communications/calls/{CALL}/operations/participants", resource("no-op", None)))
    accept(service, operation(cc=None, op="op-no-context"))
    accept(service, item("", resource("no-call", None)))
    put(service, "registered", {})
    put(service, "deadline-far", {}, deadline=86_400)
    put(service, "from-response", {**resource("from-response", "op-response"), "status": "Running"})
    put(service, "overdue", {}, deadline=1)
    # One context for three operations; a duplicate; a conflict; a text with every odd character.
    for number in range(3):
        accept(service, operation(cc=CALL, op=f"op-shared-{number}", participants=PEOPLE))
    first = operation(cc="conflict", op="op-conflict", resultInfo={"code": 200, "subcode": 0})
    for one in (first, first, operation(cc="conflict", op="op-conflict", status="failed", error="b")):
        accept(service, one)
    accept(service, operation(cc=contexts.ODD, op="op-odd"))
    accept(service, operation(cc="secret", op="op-secret", type="recordOperation", recordingAccessToken="t"))
    for state in ("incoming", "establishing", "established"):
        accept(service, call(state, toneInfo={"sequenceId": 1, "tone": "tone1"}))
    accept(
        service, roster({"id": "p1", "info": PEOPLE[0], "isMuted": False}, {"id": "p2", "info": PEOPLE[0]})
    )
    accept(service, item(f"/communications/calls/{OTHER_CALL}", {"@odata.type": "#microsoft.graph.call"}))
    accept(service, {"resourceUrl": 1}, {"neither": "type nor address"}, "text")
    unreadable = operation(cc="unreadable", op="op-unreadable")
    unreadable["resourceData"]["status"] = ["x"]
    accept(service, unreadable)
    for change in changes():
        assert service.request("POST", "/notifications", key=None, body={"value": [change]}).status == 202
    until(lambda: service.get("/operations/overdue", key=API_KEY).json["overdue"], 15)


def changes() -> list[dict[str, Any]]:
    """Return change notifications: an item, a lifecycle item, an encrypted one."""
    known = {"subscriptionId": "sub-1", "clientState": CLIENT_STATE, "tenantId": "tenant-1"}
    content = {"data": "x", "dataSignature": "y", "dataKey": "z", "encryptionCertificateId": "c"}
    return [
        {**known, "changeType": "created", "resource": "communications/callRecords/1"},
        {**known, "lifecycleEvent": "missed"},
        {**known, "changeType": "updated", "resource": "r", "encryptedContent": content},
    ]


def ask_everything(service: Service) -> dict[str, Any]:
    """Return the receiver's answers, each with its ETag, and cursors and event ids of every kind."""
    names = [*(f"type-{kind}" for kind in contexts.TYPES), *contexts.OTHERS]
    operations = {}
    for name in names:
        answer = service.get(f"/operations/{quote(name, safe='')}", key=API_KEY)
        assert answer.status == 200, name
        operations[name] = {"etag": answer.headers["ETag"], "body": answer.json}
    pages = {
        path: service.get(f"{path}?limit=1", key=API_KEY).json
        for path in ("/operations", "/notifications", "/quarantine")
    }
    calls = {one: service.get(f"/calls/{one}", key=API_KEY).json for one in (CALL, OTHER_CALL)}
    return {
        "operations": operations,
        "calls": calls,
        "pages": pages,
        "eventIds": event_ids(events(service, after="0-0")),
    }


def events(service: Service, after: str) -> str:
    """Return what the stream sends after an event id until it is quiet for two seconds."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Last-Event-ID": after}
    text = b""
    with (
        urllib3.request(
            "GET", f"{service.address}/events", headers=headers, preload_content=False, timeout=2
        ) as stream,
        suppress(urllib3.exceptions.ReadTimeoutError),
    ):
        for chunk in stream.stream(1 << 16):
            text += chunk
    return text.decode()


def event_ids(text: str) -> list[str]:
    """Return the ids of the events of a stream."""
    return [line[3:].strip() for line in text.splitlines() if line.startswith("id:")]


def sign_in(service: Service) -> str:
    """Return the cookie of a session of the page."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": service.address}
    body = urlencode({"key": API_KEY, "then": "/"}).encode()
    answer = service.request("POST", "/sign-in", key=None, body=body, headers=headers)
    assert answer.status == 303
    return answer.headers["Set-Cookie"].partition(";")[0]


def fill_spool(service: Service, store: stores.StoreServer) -> None:
    """Let the spool hold entries of every kind, and one dead letter."""
    store.client.rpush(f"receiver:{{0}}:call:{REJECTED_CALL}", "not a record")
    store.kill()
    accept(service, item(f"/communications/calls/{REJECTED_CALL}", {"@odata.type": "#microsoft.graph.call"}))
    store.start()
    store.client.rpush(f"receiver:{{0}}:call:{REJECTED_CALL}", "not a record")
    until(lambda: service.get("/readyz", key=None).json["spool"].get("dead"), 60)
    store.kill()
    accept(service, operation(cc="spooled", op="op-spooled", participants=PEOPLE), call("established"))
    accept(service, roster({"id": "p3", "info": PEOPLE[0]}))
    accept(service, {"resourceUrl": 2}, operation(cc=contexts.ODD, op="op-odd-spooled"))
    accept(service, operation(cc=None, op="op-spooled-no-context", status="failed"))
    for change in changes():
        assert service.request("POST", "/notifications", key=None, body={"value": [change]}).status == 202


def dump(store: stores.StoreServer) -> list[dict[str, Any]]:
    """Return every key with its type, its value, and its remaining life in seconds (-1: none)."""
    read: dict[str, Callable[[bytes], Any]] = {
        "string": store.client.get,
        "hash": store.client.hgetall,
        "zset": lambda key: store.client.zrange(key, 0, -1, withscores=True),
        "stream": store.client.xrange,
    }
    keys = []
    for name in sorted(store.client.scan_iter()):
        stored_type = store.client.type(name)
        assert isinstance(stored_type, bytes)
        kind = stored_type.decode()
        keys.append({"key": name, "type": kind, "value": read[kind](name), "ttl": store.client.ttl(name)})
    described: list[dict[str, Any]] = _text(keys)
    return described


def accept(service: Service, *items: object) -> None:
    """Post items as Graph does."""
    assert service.call_back(*items).status == 202


def put(service: Service, name: str, body: object, deadline: int | None = None) -> None:
    """Register an operation."""
    query = f"?deadline={deadline}" if deadline else ""
    answer = service.request("PUT", f"/operations/{quote(name, safe='')}{query}", key=API_KEY, body=body)
    assert answer.status in {200, 201}, answer.body


def resource(context: str, op: str | None) -> dict[str, Any]:
    """Return an invitation."""
    kind = "#microsoft.graph.inviteParticipantsOperation"
    return {"@odata.type": kind, "clientContext": context, "id": op, "status": "completed"}


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {_text(name): _text(one) for name, one in value.items()}
    return [_text(one) for one in value] if isinstance(value, list | tuple) else value


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
