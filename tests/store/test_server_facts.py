"""The facts that a Redis server reports about itself."""

import time
from contextlib import closing
from dataclasses import replace

from receiver.cli import check_command
from receiver.store.server_facts import ServerFacts
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.support import stores
from tests.support.expected_settings import DEFAULTS
from tests.support.service import free_port


def is_warned_of_replicas(facts: ServerFacts, replicas: int) -> bool:
    found = check_command._check_facts(facts, replace(DEFAULTS, redis_replicas=replicas))
    return any("RECEIVER_REDIS_REPLICAS" in one.text for one in found if one.level == "warning")


def test_primary_that_writes_without_replicas_is_recognized() -> None:
    port = free_port()
    with (
        stores.start(options=["--port", str(port)]) as primary,
        closing(StoreClient(connect(primary.url, "required"))) as store_client,
    ):
        facts = ServerFacts.read(store_client, within=2)
        assert not facts.writes_alone, "it has none"
        assert not is_warned_of_replicas(facts, 0)
        with stores.start(options=["--replicaof", f"127.0.0.1 {port}"]):
            deadline = time.monotonic() + 10
            while (
                not (alone := ServerFacts.read(store_client, within=2).writes_alone)
                and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            assert alone
            facts = ServerFacts.read(store_client, within=2)
            assert is_warned_of_replicas(facts, 0)
            assert not is_warned_of_replicas(facts, 1)
            primary.client.config_set("min-replicas-to-write", 1)
            assert not ServerFacts.read(store_client, within=2).writes_alone
