"""What the server behind the store says of itself."""

import time

from receiver.store.condition import Condition
from receiver.store.connections import connect
from receiver.store.link import Link
from tests import stores
from tests.service import free_port


def test_a_primary_that_takes_writes_without_its_replicas_is_known_as_such() -> None:
    port = free_port()
    primary = stores.start("valkey-9", ["--port", str(port)])
    assert primary
    link = Link(connect(primary.url, "required"))
    try:
        assert not Condition.read(link, within=2).writes_alone, "it has none"
        replica = stores.start("valkey-9", ["--replicaof", f"127.0.0.1 {port}"])
        assert replica
        try:
            deadline = time.monotonic() + 10
            while not (alone := Condition.read(link, within=2).writes_alone) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert alone
            primary.client.config_set("min-replicas-to-write", 1)
            assert not Condition.read(link, within=2).writes_alone
        finally:
            replica.remove()
    finally:
        link.close()
        primary.remove()
