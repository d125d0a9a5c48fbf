"""A Python client, generated from the OpenAPI document by openapi-python-client, and used."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.notifications import CALL, operation
from tests.support.service import ALL, CLIENT_STATE, Service

PACKAGE = "generated_receiver"


@pytest.fixture
def client(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the generated package."""
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n")
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
        *("--url", f"{service.address}/openapi.json"),
        *("--config", str(config), "--output-path", str(tmp_path / PACKAGE), "--fail-on-warning"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    with import_module(PACKAGE).AuthenticatedClient(base_url=service.address, token=ALL, timeout=30) as ready:
        yield ready
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def api(name: str) -> Any:
    return import_module(f"{PACKAGE}.api.{name}")


def test_python_client_does_what_a_user_needs(service: Service, client: Any) -> None:
    item = {"subscriptionId": "s", "clientState": CLIENT_STATE, "changeType": "created", "resource": "r"}
    assert service.request("POST", "/notifications", key=None, body={"value": [item]}).status == 202
    models = import_module(f"{PACKAGE}.models")

    register = api("operations.register_operation")
    body = models.CommsOperation(status="running")
    created = register.sync_detailed("a/b ü", client=client, body=body, deadline=90)
    assert (created.status_code, created.parsed.status) == (201, "running")
    refused = register.sync("a/b ü", client=client, if_none_match="*")
    assert isinstance(refused, models.Problem)
    assert refused.type_ == "/problems/precondition-failed"

    get = api("operations.get_operation")
    timer = threading.Timer(0.5, service.call_back, [operation(cc="a/b ü")])
    timer.start()
    waited = get.sync("a/b ü", client=client, wait=20)
    timer.join()
    assert (waited.done, waited.operation.status, waited.call_id) == (True, "completed", CALL)

    listed = api("operations.list_operations").sync(client=client, limit=1)
    assert [one.client_context for one in listed.operations] == ["a/b ü"]
    call = api("calls.get_call").sync(CALL, client=client)
    assert [one.client_context for one in call.operations] == ["a/b ü"]
    noted = api("notifications.list_notifications").sync(client=client)
    assert [one.notification["changeType"] for one in noted.notifications] == ["created"]

    assert api("operations.delete_operation").sync_detailed("a/b ü", client=client).status_code == 204
    gone = get.sync("a/b ü", client=client)
    assert isinstance(gone, models.Problem)
    assert gone.type_ == "/problems/operation-not-found"
