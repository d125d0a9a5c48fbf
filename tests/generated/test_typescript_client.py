"""A TypeScript client, generated from the OpenAPI document by @hey-api/openapi-ts, type-checked, and used."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.notifications import operation
from tests.support.service import ALL, CLIENT_STATE, Service

HERE = Path(__file__).parent
NEEDED = ("package.json", "package-lock.json", "tsconfig.json", "use_client.ts")
NODE = (20, 19)
"""What the generator needs."""

UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the generator and the compiler, as pinned."""
    if not shutil.which("npm") or node_version() < NODE:
        pytest.skip(f"npm is not installed, or Node.js is older than {NODE}")
    for name in NEEDED:
        shutil.copy(HERE / name, tmp_path)
    command = ["npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if installed.returncode and any(reason in installed.stderr for reason in UNREACHABLE):
        pytest.skip("npm's registry can't be reached")
    assert installed.returncode == 0, installed.stderr
    return tmp_path


def node_version() -> tuple[int, ...]:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.strip().removeprefix("v").split(".")))


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_typescript_client_does_what_a_user_needs(service: Service, folder: Path) -> None:
    item = {"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": "created", "resource": "r"}
    assert service.request("POST", "/notifications", key=None, body={"value": [item]}).status == 202
    (folder / "openapi.json").write_bytes(service.get("/openapi.json", key=None).body)
    run(folder, "npx", "openapi-ts", "--input", "./openapi.json", "--output", "./client", "--no-log-file")
    run(folder, "npx", "tsc")
    results = use(folder, service)
    assert results == {
        "register": 201,
        "precondition": "/problems/precondition-failed",
        "get": "a/b ü",
        "list": ["a/b ü"],
        "notifications": ["created"],
        "listening": None,
        "stream": {"last": "operation", "hasId": True, "status": "completed"},
        "wait": "completed",
        "delete": "/problems/operation-not-found",
    }


def use(folder: Path, service: Service) -> dict[str, Any]:
    """Run the program that uses the client; send the operation's result once it listens."""
    results: dict[str, Any] = {}
    with subprocess.Popen(
        ["node", "built/use_client.js"],
        cwd=folder,
        env={"PATH": service.environment["PATH"], "RECEIVER_URL": service.address, "RECEIVER_KEY": ALL},
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        for line in program.stdout:
            said = json.loads(line)
            results[said["done"]] = said["result"]
            if said["done"] == "listening":
                assert service.call_back(operation(cc="a/b ü")).status == 202
    return results
