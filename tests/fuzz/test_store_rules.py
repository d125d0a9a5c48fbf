"""The rules of the store do find what breaks them."""

from collections.abc import Callable

import pytest
import redis

from tests.support.notifications import call, operation
from tests.support.service import Service
from tests.support.store_rules import RULES, hold_store
from tests.support.stores import StoreServer

BREACHES: dict[str, Callable[[redis.Redis], object]] = {
    "is not in the table": lambda client: client.set("receiver:{0}:stray", 1),
    "is a list": lambda client: client.rpush("receiver:{0}:op:7", 1),
    "ends in -1": lambda client: client.persist("receiver:{0}:op:1"),
    "derives from a missing id": lambda client: client.set("receiver:{0}:oid:None", 1, ex=9),
    "points at a missing record": lambda client: client.zadd("receiver:{0}:cc:invite-1", {"99": 99}),
    "what is overdue": lambda client: client.zadd("receiver:{0}:overdue", {"1": 1}),
    "does not lead to record 1": lambda client: client.delete("receiver:{0}:cc:invite-1"),
}


@pytest.mark.parametrize("complaint", BREACHES)
def test_a_breach_is_found(service: Service, store: StoreServer, complaint: str) -> None:
    service.call_back(operation(), call(), "broken")
    assert hold_store(store.client) == 1
    BREACHES[complaint](store.client)
    with pytest.raises(AssertionError, match=complaint):
        hold_store(store.client)


def test_the_table_of_keys_is_read_whole() -> None:
    assert len(RULES) >= 15
