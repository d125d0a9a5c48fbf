"""A Redis user with few permissions: which ones the receiver needs, and what `receiver check` reports."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import receiver
from receiver.cli.check_command import run_checks
from receiver.errors import NotPermittedError
from receiver.simulator.issuer import Issuer
from receiver.store.permissions import forbidden_commands, trial_commands
from receiver.store.scripts import GET_LATEST
from receiver.store.server_facts import ServerFactsReader
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.support import stores
from tests.support.expected_settings import DEFAULTS
from tests.support.notifications import operation
from tests.support.service import Service
from tests.support.stores import StoreServer

ROOT = Path(receiver.__file__).parent


@contextmanager
def a_user(server: StoreServer, *rules: str) -> Iterator[str]:
    """Make a user with rules; yield the store's URL for it."""
    server.client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">pw", *rules)
    try:
        yield f"unix://app:pw@{server.socket}"
    finally:
        server.client.execute_command("ACL", "DELUSER", "app")


def findings(url: str) -> dict[str, list[str]]:
    """Return what `receiver check` reports about the store, by level."""
    found: dict[str, list[str]] = {}
    for finding in run_checks(
        replace(DEFAULTS, redis_url=url, metadata_url="http://127.0.0.1:1/x", spool=None)
    ):
        if "REDIS_URL" in finding.text or "store" in finding.text:
            found.setdefault(finding.level, []).append(finding.text)
    return found


def commands_used() -> set[str]:
    """The commands that the source names, in scripts and in Python; WAIT and INFO are looked at by themselves."""
    scripts = "".join(path.read_text() for path in ROOT.rglob("*.lua"))
    python = "".join(
        path.read_text() for path in [*(ROOT / "store").glob("*.py"), *(ROOT / "web").glob("*.py")]
    )
    called = re.findall(r"redis\.p?call\(\s*['\"](\w+)['\"]", scripts)
    sent = re.findall(r"(?:\(|_call\(|Command = \()\s*\"([A-Z]{3,})\",\s", python)
    return {*called, *sent} - {"WAIT", "INFO", "GET,"}


def test_trial_has_every_command_that_is_used() -> None:
    tried = {str(command[0]) for command in trial_commands("name")}
    http = {"POST", "PUT", "DELETE", "HOST"}
    assert commands_used() - http - tried == set(), "add it to `receiver.store.permissions.trial_commands`"
    assert tried - commands_used() == set(), "nothing uses it"


def test_trial_runs_every_command_and_leaves_nothing(every_store: StoreServer) -> None:
    before = every_store.contents()
    with closing(StoreClient(connect(every_store.url, "required"))) as store_client:
        replies = store_client.call(trial_commands("receiver:{0}:check:x"), within=2)
        assert forbidden_commands(store_client, waits=True, within=2) == []
    assert None not in replies[1:-1]
    assert every_store.contents() == before


@pytest.mark.parametrize("rules", [["-@dangerous"], ["-client", "-config", "-info"]])
def test_user_without_info_passes_with_a_warning(every_store: StoreServer, rules: list[str]) -> None:
    with a_user(every_store, "~receiver:*", "+@all", *rules) as url:
        found = findings(url)
    assert "error" not in found
    assert any("may not run INFO" in text for text in found["warning"])


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        (["-@scripting"], "SCRIPT, EVALSHA"),
        (["-script"], "SCRIPT, EVALSHA"),
        (["-evalsha"], "EVALSHA"),
        (["-xread"], "XREAD"),
        (["-del", "-xtrim"], "XTRIM, DEL"),
    ],
)
def test_missing_permission_is_an_error_by_name(
    every_store: StoreServer, rules: list[str], missing: str
) -> None:
    every_store.client.script_flush()
    with a_user(every_store, "~*", "+@all", *rules) as url:
        [error] = findings(url)["error"]
    assert f"may not run {missing} on keys" in error


def test_user_without_access_to_the_keys_is_an_error(store: StoreServer) -> None:
    with a_user(store, "~other:*", "+@all") as url:
        [error] = findings(url)["error"]
    assert "may not run SET, GET" in error
    assert "on keys that begin with `receiver:`" in error


def test_scripts_that_may_not_be_loaded_are_refused_at_once(own_store: StoreServer) -> None:
    """Not tried again and again until the time is up."""
    own_store.client.script_flush()
    with (
        a_user(own_store, "~*", "+@all", "-script") as url,
        closing(StoreClient(connect(url, "required"))) as store_client,
    ):
        calls = own_store.client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
        with pytest.raises(NotPermittedError):
            store_client.call([("EVALSHA", GET_LATEST.sha1, 1, "receiver:{0}:x", "receiver:{0}:")], within=2)
        assert own_store.client.info("commandstats")["cmdstat_evalsha"]["calls"] - calls == 1


def test_refused_info_is_not_asked_again(store: StoreServer) -> None:
    with (
        a_user(store, "~*", "+@all", "-info") as url,
        closing(StoreClient(connect(url, "required"))) as store_client,
    ):
        facts_reader = ServerFactsReader(store_client)
        assert [facts_reader.read(within=2) for _ in range(3)] == [None] * 3
        refused = store.client.info("commandstats")["cmdstat_info"]["rejected_calls"]
        facts_reader.read(within=2)
        assert store.client.info("commandstats")["cmdstat_info"]["rejected_calls"] == refused


def test_receiver_without_permission_for_info_is_ready(tmp_path: Path, issuer: Issuer) -> None:
    with (
        stores.start() as store,
        a_user(store, "~receiver:*", "+@all", "-@dangerous") as url,
        Service(tmp_path, url, issuer, WEB_CONCURRENCY="1") as service,
    ):
        assert service.call_back(operation()).status == 202
        assert service.get("/operations/invite-1").json["done"]
        ready = service.get("/readyz", key=None)
        assert ready.status == 200
        assert ready.json["checks"]["store"].startswith("ok, but its user may not run INFO")


def test_unreachable_store_is_an_error_by_name() -> None:
    [error] = findings("redis://:secret@127.0.0.1:1")["error"]
    assert error.startswith("REDIS_URL: ")
    assert "secret" not in error
