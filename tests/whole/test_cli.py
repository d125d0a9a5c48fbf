"""The commands, run as from a shell."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import urllib3

import receiver
from receiver.simulator.issuer import Issuer
from tests.support.service import APP_ID, free_port
from tests.support.stores import StoreServer

RECEIVER = (sys.executable, "-m", "receiver")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        [*RECEIVER, *arguments], env={**bare, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "command", ["", "serve", "demo", "simulate", "check", "retry", "keys", "get", "wait", "watch"]
)
def test_every_command_has_help(command: str) -> None:
    helped = run(*command.split(), "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "Usage:" in helped.stdout
    assert len(helped.stdout.splitlines()) > 5


def test_version_prints_the_version() -> None:
    assert run("--version").stdout == f"receiver, version {receiver.__version__}\n"


def test_keys_prints_a_key_and_its_entry() -> None:
    made = run("keys", "--name", "bot", "--scope", "read", "--scope", "secrets")
    key = re.search(r"for the caller: +(\S+)", made.stdout)
    entry = re.search(r"RECEIVER_API_KEYS=(\S+)", made.stdout)
    assert key
    assert entry
    assert len(key[1]) >= 43
    assert entry[1] == f"bot:read+secrets:{hashlib.sha256(key[1].encode()).hexdigest()}"
    odd = run("keys", "--name", "a:b")
    assert odd.returncode == 2
    assert "--name" in odd.stderr


def test_check_reports_each_missing_setting() -> None:
    checked = run(
        "check", RECEIVER_METADATA_URL=f"http://127.0.0.1:{free_port()}/x", REDIS_URL="redis://127.0.0.1:1"
    )
    assert checked.returncode == 1
    errors = [line for line in checked.stdout.splitlines() if line.startswith("error")]
    assert [next(word for word in ("APP_IDS", "API_KEYS", "REDIS_URL") if word in line) for line in errors]
    assert len(errors) == 3


def test_check_passes_while_the_key_provider_is_unavailable(store: StoreServer) -> None:
    """The Procfile runs it as `release:`, so it can block every deploy, also one that repairs something."""
    checked = run(
        "check",
        RECEIVER_METADATA_URL=f"http://127.0.0.1:{free_port()}/x",
        RECEIVER_APP_IDS=APP_ID,
        RECEIVER_GENERATED_KEY="0123456789abcdef" * 4,
        VALKEY_URL=store.url,
    )
    assert checked.returncode == 0, checked.stdout
    assert "warning The signing keys can't be fetched now" in checked.stdout
    assert "The store at VALKEY_URL answers" in checked.stdout


def test_check_passes_with_a_complete_configuration(issuer: Issuer, store: StoreServer) -> None:
    entry = run("keys").stdout.rpartition("RECEIVER_API_KEYS=")[2].strip()
    settings = {"RECEIVER_APP_IDS": APP_ID, "RECEIVER_API_KEYS": entry, "REDIS_URL": store.url}
    checked = run("check", RECEIVER_METADATA_URL=issuer.metadata_url, **settings)
    assert checked.returncode == 0, checked.stdout
    assert "append-only" in checked.stdout, "the store of the tests has none, which is a warning"
    store.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "allkeys-lru" in run("check", RECEIVER_METADATA_URL=issuer.metadata_url, **settings).stdout
    finally:
        store.client.config_set("maxmemory-policy", "noeviction")


def test_all_wrong_settings_are_reported_at_once() -> None:
    refused = run("serve", PORT="x", REDIS_URL="http://x", RECEIVER_APP_IDS="x")
    assert refused.returncode == 1
    named = [line.partition(":")[0] for line in refused.stderr.splitlines()]
    assert sorted(named) == ["PORT", "RECEIVER_APP_IDS", "REDIS_URL"]


def test_demo_with_an_unknown_outcome_lists_the_known_ones(tmp_path: Path) -> None:
    refused = run("demo", "--outcome", "luck", RECEIVER_DATA_DIR=str(tmp_path), PORT=str(free_port()))
    assert refused.returncode == 1
    assert "'unanswered'" in refused.stderr
    assert "The simulator does not start." in refused.stderr


def test_demo_prints_commands_that_work(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    environment["RECEIVER_DATA_DIR"] = str(tmp_path / "data")
    output = tmp_path / "output"
    with output.open("wb") as file:
        demo = subprocess.Popen(
            [*RECEIVER, "demo", "--outcome", "unanswered"], env=environment, stdout=file, stderr=file
        )
    children: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 30
        pattern = re.compile(r"curl -H '(Authorization): ([^']+)' '([^']+/operations/[^']+)'")
        while not (found := pattern.search(output.read_text())):
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        children = psutil.Process(demo.pid).children(recursive=True)
        header, value, address = found.groups()
        assert address.startswith(f"http://127.0.0.1:{port}/")
        for headers in ({header: value}, {}):
            answer = urllib3.request("GET", address, headers=headers)
            assert answer.status == 200
            assert json.loads(answer.data)["done"]
        page = urllib3.request("GET", f"http://127.0.0.1:{port}/")
        assert (page.status, b"<main" in page.data) == (200, True), "no sign-in is needed"
        for host in (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
        ):
            for sent in ({"Host": host}, {"Host": host, "X-Forwarded-Host": f"127.0.0.1:{port}"}):
                foreign = urllib3.request("GET", address, headers=sent)
                assert foreign.status == 400, "no web page may query under its own host name"
                assert foreign.headers["X-Content-Type-Options"] == "nosniff"
                assert json.loads(foreign.data)["type"] == "/problems/invalid-request"
        [bot] = re.findall(r"^  (\S+ -m receiver\.examples\.invite .+)$", output.read_text(), re.MULTILINE)
        invited = subprocess.run(
            bot, shell=True, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
        )
        assert "+12065550100 is not in the call: Nobody answered (408/10057)" in invited.stdout, invited
        wrong = urllib3.request("GET", address, headers={"Authorization": "Bearer wrong"})
        assert wrong.status == 401
    finally:
        demo.send_signal(signal.SIGINT)
        status = demo.wait(20)
    assert status == 0
    assert "Traceback" not in output.read_text()
    assert "SystemExit" not in output.read_text()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
