"""A check of schemathesis: after each case that may have changed something, the store holds what it should."""

import os
from typing import Any

import redis
import schemathesis

from tests.support.store_rules import hold_store

_MOST_KEYS = 60
"""As many show how updates merge; to look through all keys of thousands of cases would take minutes."""

_store = redis.Redis.from_url(os.environ["REDIS_URL"])


@schemathesis.check
def store_is_held_to_its_rules(
    _context: schemathesis.CheckContext, _response: schemathesis.Response, case: "schemathesis.Case[Any]"
) -> None:
    """Fail where the store holds what it should not."""
    if case.method != "GET":
        hold_store(_store)
        if _store.dbsize() > _MOST_KEYS:
            _store.flushall()
