"""Settings of a running receiver, and wrong ones: refused by name, in one line each, without the secret."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from receiver.simulator.issuer import Issuer
from tests.support.service import Service
from tests.support.stores import StoreServer
from tests.support.waiting import until
from tests.whole.test_cli import run

SECRET = "sword/fish"


@pytest.mark.parametrize("command", ["serve", "check", "demo", "retry"])
@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@127.0.0.1:1/0?decode_responses=True",
        f"redis://:{SECRET}@127.0.0.1:1/zero",
        f"redis://:{SECRET}@127.0.0.1:{SECRET}",
        f"rediss://:{SECRET}@127.0.0.1:1?ssl_cert_reqs=none",
    ],
)
def test_a_malformed_url_is_refused_in_one_line(command: str, url: str) -> None:
    refused = run(command, REDIS_URL=url)
    assert (refused.returncode, refused.stdout) == (1, "")
    [line] = refused.stderr.splitlines()
    assert line.startswith("REDIS_URL: ")
    assert SECRET not in line
    assert SECRET.partition("/")[2] not in line


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7", "[::", "0.0.0.0:80"])
def test_a_host_of_another_machine_is_refused(host: str) -> None:
    refused = run("serve", HOST=host, REDIS_URL="redis://127.0.0.1:1")
    assert (refused.returncode, refused.stdout) == (1, "")
    [line] = refused.stderr.splitlines()
    assert line.startswith("HOST: ")


def test_a_host_in_brackets_is_accepted(tmp_path: Path, store: StoreServer, issuer: Issuer) -> None:
    service = Service(tmp_path, store.url, issuer, HOST="[::]", WEB_CONCURRENCY="1")
    service.address = f"http://[::1]:{service.port}"
    with service:
        assert service.get("/livez", key=None).status == 200


def test_variables_of_gunicorn_and_flask_are_ignored(
    tmp_path: Path, store: StoreServer, issuer: Issuer
) -> None:
    """Each would be a traceback at start, or a 500 for every request."""
    variables = {
        "FLASK_DEBUG": "1",
        "FORWARDED_ALLOW_IPS": "any",
        "GUNICORN_CMD_ARGS": "--bind nowhere",
        "GUNICORN_PID": "",
        "LISTEN_FDS": "",
        "LISTEN_PID": "",
        "SCRIPT_NAME": "/elsewhere",
        "SENDFILE": "perhaps",
        "WEB_CONCURRENCY": "",
    }
    with Service(tmp_path, store.url, issuer, **variables) as service:
        assert service.get("/livez", key=None).status == 200
        assert service.get("/no/such/page").status == 404
        assert service.process
        assert len(psutil.Process(service.process.pid).children()) == 2
        assert "Traceback" not in service.log


@pytest.mark.parametrize("way", ["variable", "file"])
def test_a_client_state_with_a_comma_is_accepted(
    tmp_path: Path, store: StoreServer, issuer: Issuer, way: str
) -> None:
    state = json.dumps({"accountId": 7, "kind": "calls"})
    (tmp_path / "states").write_text(f"{state}\n")
    unset = {"RECEIVER_CLIENT_STATES": "", "RECEIVER_CLIENT_STATES_FILE": str(tmp_path / "states")}
    variables = {"RECEIVER_CLIENT_STATES": state} if way == "variable" else unset
    item = {"subscriptionId": "s", "clientState": state, "changeType": "created", "resource": f"calls/{way}"}
    with Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1", **variables) as service:
        assert service.request("POST", "/notifications", key=None, body={"value": [item]}).status == 202
        kept = service.get("/notifications").json["notifications"]
    assert f"calls/{way}" in {one["notification"]["resource"] for one in kept}


def command_without_a_home(*arguments: str, **environment: str) -> tuple[str, ...]:
    """Return a command that runs the receiver as a user id without an entry, as containers of OpenShift do."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    # It may read all files, since this Python may be in root's folder.
    may_read = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
    user = ("setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", *may_read)
    variables = (f"{name}={value}" for name, value in environment.items())
    return ("env", "-u", "HOME", *variables, *user, sys.executable, "-m", "receiver", *arguments)


def test_a_user_without_a_home_can_serve(tmp_path: Path, store: StoreServer, issuer: Issuer) -> None:
    service = Service(tmp_path, store.url, issuer, RECEIVER_DATA_DIR="", WEB_CONCURRENCY="1")
    store.socket.chmod(0o777)
    store.folder.chmod(0o755)
    service.start(command_without_a_home("serve"))
    try:
        until(lambda: service.get("/readyz", key=None).status == 200)
        assert "Traceback" not in service.log
    finally:
        service.kill()


def test_an_embedded_store_without_a_home_is_refused() -> None:
    command = command_without_a_home("serve", PORT="0")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert line.startswith("RECEIVER_DATA_DIR: ")


def test_a_simulator_without_a_home_needs_a_key_file() -> None:
    command = command_without_a_home("simulate", "http://127.0.0.1:1/callback")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--key-file" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_data_folder_that_cannot_be_written_is_refused() -> None:
    command = command_without_a_home("serve", PORT="0", RECEIVER_DATA_DIR="/root/data")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert "RECEIVER_DATA_DIR" in line
