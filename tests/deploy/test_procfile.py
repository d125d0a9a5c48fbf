"""The Procfile's line in a platform's environment."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.paths import ROOT
from tests.support.service import Service, free_port
from tests.support.stores import StoreServer, TLSStore


def procfile_command() -> tuple[str, ...]:
    """The `web:` line, run as a platform does: by a shell, in the project's folder, with its own Python."""
    [line] = [line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:")]
    python = Path(sys.executable).parent
    return ("sh", "-c", f"cd {ROOT} && PATH={python}:$PATH exec {line.removeprefix('web:').strip()}")


@pytest.fixture
def platform(tmp_path: Path, issuer: Issuer, store: StoreServer) -> Iterator[Service]:
    environment = {"DYNO": "web.1", "WEB_CONCURRENCY": "3", "GUNICORN_CMD_ARGS": "--access-logfile -"}
    service = Service(tmp_path, store.url, issuer, **environment)
    del service.environment["HOST"]
    yield service
    service.kill()


def test_platform_sets_the_address_and_the_number_of_workers(platform: Service) -> None:
    platform.start(procfile_command())
    assert f"0.0.0.0:{platform.port}" in platform.log
    assert platform.log.count("Booting worker") == 3
    assert platform.call_back(operation()).status == 202
    assert "HTTP/1.1" not in platform.log, "GUNICORN_CMD_ARGS adds no second access log"


def test_platform_without_a_store_is_refused_at_start(platform: Service) -> None:
    del platform.environment["REDIS_URL"]
    with pytest.raises(RuntimeError, match="REDIS_URL: not set, and this is a platform"):
        platform.start(procfile_command())
    assert platform.process
    assert platform.process.wait() == 1


@pytest.mark.parametrize("whole_group", [False, True], ids=["the master", "every process, as Heroku does"])
def test_a_stop_under_load_loses_nothing(platform: Service, whole_group: bool) -> None:
    platform.start(procfile_command())
    accepted: list[str] = []
    refused: list[int] = []

    def send(sender: int) -> None:
        for number in range(100_000):
            name = f"cc-{sender}-{number}"
            try:
                answer = platform.call_back(operation(cc=name, op=name), token=token)
            except Exception:  # noqa: BLE001 - the listener has closed: that is the end of this test
                return
            (accepted.append(name) if answer.status == 202 else refused.append(answer.status))

    token = platform.token()
    senders = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for sender in senders:
        sender.start()
    time.sleep(1)
    began = time.monotonic()
    assert platform.process
    if whole_group:
        os.killpg(platform.process.pid, signal.SIGTERM)
        status = platform.process.wait(30)
    else:
        status = platform.stop(signal.SIGTERM)
    for sender in senders:
        sender.join()
    assert (status, refused) == (0, [])
    assert time.monotonic() - began < 10
    assert len(accepted) > 100
    platform.start(procfile_command())
    missing = [name for name in accepted if platform.get(f"/operations/{name}").status != 200]
    assert missing == []


def test_a_store_with_a_self_signed_certificate_needs_a_setting(
    platform: Service, tls_store: TLSStore
) -> None:
    platform.environment["REDIS_URL"] = tls_store.url
    for verify, expected in (("required", 503), ("none", 202), (str(tls_store.authority), 202)):
        platform.environment["RECEIVER_REDIS_TLS_VERIFY"] = verify
        platform.start(procfile_command())
        assert platform.call_back(operation()).status == expected, verify
        platform.kill()
    assert TLSStore.PASSWORD not in platform.log


def test_embedded_store_killed_under_load_loses_nothing(tmp_path: Path, issuer: Issuer) -> None:
    service = Service(tmp_path, None, None)
    issuer_port = free_port()
    service.environment |= {
        "RECEIVER_APP_IDS": "11111111-2222-3333-4444-555555555555",
        "RECEIVER_METADATA_URL": f"http://127.0.0.1:{issuer_port}/v1/.well-known/OpenIdConfiguration",
    }
    report = tmp_path / "report"
    run = [sys.executable, "-m", "receiver", "simulate", f"{service.address}/callback", "--calls", "8"]
    options = [
        "--speed",
        "60",
        "--issuer-port",
        str(issuer_port),
        "--app-id",
        service.environment["RECEIVER_APP_IDS"],
    ]
    files = ["--key-file", str(tmp_path / "key"), "--report", str(report), "--quiet", "--retry", "5"]
    service.start()
    simulator = subprocess.Popen([*run, *options, *files], stdout=subprocess.DEVNULL)
    try:
        time.sleep(3)
        for _ in range(3):
            assert service.process
            [valkey] = [
                child
                for child in psutil.Process(service.process.pid).children(recursive=True)
                if child.name() == "valkey-server"
            ]
            valkey.kill()
            time.sleep(1)
        simulator.wait(60)
        operations = [json.loads(line) for line in report.read_text().splitlines()]
        accepted = [one for one in operations if one["httpStatus"] == 202]
        assert len(accepted) > 20
        for one in accepted:
            found = service.get(f"/calls/{one['callId']}/operations/{one['operationId']}")
            assert found.status == 200, one
            assert found.json["status"] == one["status"]
    finally:
        simulator.kill()
        simulator.wait()
        service.stop(signal.SIGINT)
