"""This version reads what each released version wrote: records, cursors, sessions, and the spool."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from receiver.simulator.issuer import Issuer
from receiver.trust.api_keys import APIKey
from tests.golden import API_KEY, contexts
from tests.golden.__main__ import CALL, OTHER_CALL, dump, events
from tests.support.service import Service
from tests.support.stores import StoreServer
from tests.support.waiting import until

RELEASES = sorted(path.name for path in Path(__file__).parent.iterdir() if (path / "store.json").exists())
CHANGES_WITH_TIME = {"overdue", "revision", "updated"}
"""Members of an operation without a result that its deadline changes, which has passed by now."""


@pytest.fixture(params=RELEASES)
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(__file__).parent / str(request.param)


@pytest.fixture
def answers(folder: Path) -> Any:
    return json.loads((folder / "answers.json").read_text())


@pytest.fixture
def service(tmp_path: Path, folder: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver with a copy of a release's store and spool. It keeps data of any age."""
    load(own_store, folder)
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o700)
    shutil.copy(folder / "spool.db", spool)
    settings = {
        "WEB_CONCURRENCY": "1",
        "RECEIVER_SPOOL": str(spool),
        "RECEIVER_API_KEYS": APIKey.of(API_KEY, "golden", ["read", "write", "secrets"]).entry,
        "RECEIVER_RETENTION_DAYS": "3650",
    }
    with Service(tmp_path, own_store.url, issuer, **settings) as running:
        yield running


def load(store: StoreServer, folder: Path) -> None:
    """Write a release's keys to a store; those that expire get their whole life again."""
    for key in json.loads((folder / "store.json").read_text()):
        name, value = key["key"], key["value"]
        match key["type"]:
            case "string":
                store.client.set(name, value)
            case "hash":
                store.client.hset(name, mapping=value)
            case "zset":
                store.client.zadd(name, dict(value))
            case "stream":
                for entry_id, fields in value:
                    store.client.xadd(name, fields, id=entry_id)
        if key["ttl"] > 0:
            store.client.expire(name, key["ttl"])


def drained(service: Service) -> None:
    until(lambda: service.get("/readyz", key=None).json["spool"]["waiting"] == 0, 15)


def test_operations_of_a_release_are_answered_as_then(service: Service, answers: Any) -> None:
    for name, then in answers["operations"].items():
        now = service.get(f"/operations/{quote(name, safe='')}", key=API_KEY)
        assert now.status == 200, name
        if name == contexts.ODD:
            continue  # the spool has a second operation of this context
        ignored = set() if then["body"]["done"] else CHANGES_WITH_TIME
        assert {**now.json, **dict.fromkeys(ignored)} == {
            **now.json,
            **then["body"],
            **dict.fromkeys(ignored),
        }


def test_lists_and_cursors_of_a_release_are_read(service: Service, answers: Any) -> None:
    drained(service)
    for path, page in answers["pages"].items():
        following = service.get(f"{path}?limit=100&cursor={page['next']}", key=API_KEY)
        assert following.status == 200, path
        [rows] = [value for value in following.json.values() if isinstance(value, list)]
        assert rows, path
    assert service.get("/", key=API_KEY).status == 200


def test_calls_of_a_release_are_answered(service: Service, answers: Any) -> None:
    for call_id in (CALL, OTHER_CALL):
        then, now = answers["calls"][call_id], service.get(f"/calls/{call_id}", key=API_KEY)
        assert now.status == 200
        assert now.json["callId"] == then["callId"]
        assert now.json["state"] == then["state"]
        assert len(now.json["operations"]) >= len(then["operations"])


def test_session_of_a_release_lasts(service: Service, answers: Any) -> None:
    assert service.get("/", key=None, headers={"Cookie": answers["session"]}).status == 200
    assert service.get("/operations", key=None, headers={"Cookie": answers["session"]}).status == 200


def test_stream_goes_on_after_an_event_of_a_release(service: Service, answers: Any) -> None:
    drained(service)
    text = events(service, after=answers["eventIds"][-1])
    assert "event: reset" not in text
    assert "op-spooled" in text


def test_spool_of_a_release_is_stored(service: Service, own_store: StoreServer) -> None:
    drained(service)
    assert service.get("/readyz", key=None).json["spool"]["dead"] == 1
    assert service.get("/operations/spooled", key=API_KEY).json["status"] == "completed"
    assert any("op-spooled-no-context" in str(key["value"]) for key in dump(own_store))
    call = service.get(f"/calls/{CALL}", key=API_KEY).json
    assert [one["id"] for one in call["roster"]] == ["p3"]
    assert len(service.get("/notifications", key=API_KEY).json["notifications"]) == 4
