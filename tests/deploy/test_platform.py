"""The whole on a platform: built from the lock file alone, run by a process manager in a cage, and stopped.

The cage has the 512 MB of the smallest plans and a file system that can't be written to; the store speaks TLS
with a self-signed certificate; the settings are those of the platform's own manifest.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.deploy.cage import Cage, cage
from tests.deploy.slug import Slug
from tests.support.notifications import operation
from tests.support.service import Service
from tests.support.stores import TLSStore
from tests.support.waiting import until

MEMORY = 512 << 20

pytestmark = pytest.mark.timeout(180)  # the first test waits for pip


@pytest.fixture
def caged() -> Iterator[Cage]:
    with cage(MEMORY) as made:
        yield made


def heroku(slug: Slug, store: TLSStore) -> dict[str, str]:
    """The button's settings, and what the platform and its buildpack add."""
    added = {"DYNO": "web.1", "WEB_CONCURRENCY": "2", "FORWARDED_ALLOW_IPS": "*"}
    arguments = {"GUNICORN_CMD_ARGS": "--access-logfile -"}
    return {**slug.environment(), **added, **arguments, "REDIS_URL": store.url}


def cloud_foundry(slug: Slug, store: TLSStore) -> dict[str, str]:
    """The store as bound by its broker, and its authority as the operator's file."""
    credentials = {"host": "localhost", "port": 1, "tls_port": store.port, "password": store.PASSWORD}
    services = {"p.redis": [{"label": "p.redis", "name": "receiver-store", "credentials": credentials}]}
    return {
        "RECEIVER_GENERATED_KEY": slug.environment()["RECEIVER_GENERATED_KEY"],
        "RECEIVER_REDIS_TLS_VERIFY": str(store.authority),
        "VCAP_APPLICATION": "{}",
        "VCAP_SERVICES": json.dumps(services),
    }


@pytest.fixture(params=[heroku, cloud_foundry], ids=["Heroku", "Cloud Foundry"])
def service(
    request: pytest.FixtureRequest, tmp_path: Path, issuer: Issuer, slug: Slug, tls_store: TLSStore
) -> Service:
    made = Service(tmp_path, None, issuer, **request.param(slug, tls_store))
    made.environment["PATH"] = slug.path
    for name in ("HOST", "RECEIVER_API_KEYS", "RECEIVER_DATA_DIR"):
        del made.environment[name]
    return made


def test_it_is_built_checked_run_and_stopped(service: Service, slug: Slug, caged: Cage) -> None:
    key = service.environment["RECEIVER_GENERATED_KEY"]

    checked = slug.run("release", service.environment)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    service.start(caged.command(slug))
    assert caged.is_closed
    until(lambda: service.request("GET", "/readyz").status == 200)
    load(service, seconds=1)
    assert service.call_back(operation(cc="kept")).status == 202
    assert service.request("GET", "/operations/kept", key=key).json["status"] == "completed"
    assert caged.memory < MEMORY / 2
    assert caged.killed_for_memory == 0

    service.stop(signal.SIGTERM)
    assert "Shutting down: Master" in service.log
    assert "Traceback" not in service.log
    for secret in (key, TLSStore.PASSWORD):
        assert secret not in service.log + checked.stdout + checked.stderr


def load(service: Service, *, seconds: float) -> None:
    """Post from several connections at once, so that both workers have done their work."""
    end = time.monotonic() + seconds
    statuses: set[int] = set()

    def send(sender: int) -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            statuses.add(service.call_back(operation(cc=f"{sender}-{number}"), token=token).status)

    token = service.token()
    senders = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert statuses == {202}
