"""The store of the benchmark: filling it, and whether it holds what was answered 202.

A load is checked by count and by sample: of all that was sent, at least as much is stored as was answered. wrk
hangs up at the end without waiting for its last answers, so a few more may be.
"""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import redis

from receiver.graph.call_notifications import read_notification
from receiver.graph.json_codec import parse
from receiver.graph.updates import OperationUpdate
from receiver.store.keys import PREFIX
from receiver.store.reader import Reader
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Writer
from tests.benchmarks.callback import items
from tests.benchmarks.callback.load import Load
from tests.benchmarks.callback.servers import PEER_SET, Kind
from tests.benchmarks.callback.wrk import Counted
from tests.support.service import TENANT
from tests.support.stores import StoreServer

_RETENTION_DAYS: Final = 30
_AT_ONCE: Final = 100
_SAMPLE: Final = 50
_QUICKLY_FILLED: Final = 10_000


class LostError(Exception):
    """What was answered 202 is not in the store, or not as it was sent."""


class Kept:
    """Looks after what a store holds: so many completed invitations before each load.

    Args:
        store: the store.
        records: how many.
    """

    def __init__(self, store: StoreServer, records: int) -> None:
        store_client = StoreClient(connect(store.url, "required"))
        self._client: redis.Redis = store.client
        self._reader = Reader(store_client, within=lambda: 30.0)
        self._writer = Writer(
            BatchingClient(store_client), retention_days=_RETENTION_DAYS, overdue_seconds=120
        )
        self._records = records
        self.fill(records)

    def fill(self, records: int) -> None:
        """Store so many, by the receiver's own writer."""
        for start in range(1, records + 1, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, records + 1))
            self._writer.store(
                [_filling(number) for number in numbers], notification_id="f111f1f111f1", within=30
            )

    def restore(self) -> None:
        """Have it hold no more than at first, unless that takes long and some more make no difference."""
        if self._records <= _QUICKLY_FILLED:
            self._client.flushall()
            self.fill(self._records)

    def check(self, load: Load, counted: Counted, kind: Kind) -> None:
        """Check what a load has left in the store.

        Raises:
            LostError: something is missing, or not what was sent.
        """
        names = [items.client_context(counted.series, items.digits(n)) for n in range(1, counted.newest + 1)]
        stored, answered = self._settled_count(kind, names), counted.answered * load.items
        if stored < answered / (2 if load.kind == "lives" else 1):
            raise LostError(f"{kind.name}, {load.name}: {answered} items answered 202, {stored} stored")
        if kind is PEER_SET and load.kind == "lives":
            return  # whichever arrives last stands, `running` too: that is what the merge is for
        # The newest may lack their answer; wrk does not send the first POST, with which it tries its script.
        numbers = range(load.items + 1, counted.newest - 2 * load.connections * load.items)
        for number in random.sample(numbers, min(_SAMPLE, len(numbers))):
            self._check_one(kind, counted.series, items.digits(number))

    def memory(self) -> dict[str, int]:
        """Return the bytes that the store says it uses, all in all and for data alone."""
        info = self._client.info("memory")
        return {name: int(info[name]) for name in ("used_memory", "used_memory_dataset")}

    def _settled_count(self, kind: Kind, names: Sequence[str]) -> int:
        """Count the operations that are stored, also those that arrive after the load has ended."""
        count, before = self._count(kind, names), -1
        while count != before:
            time.sleep(0.1)
            count, before = self._count(kind, names), count
        return count

    def _count(self, kind: Kind, names: Sequence[str]) -> int:
        prefix = "op:" if kind is PEER_SET else f"{PREFIX}cc:"
        keys = [prefix + name for name in names]
        return sum(self._client.exists(*keys[start : start + 1000]) for start in range(0, len(keys), 1000))

    def _check_one(self, kind: Kind, series: str, number: str) -> None:
        sent = items.invitation(series, number)["resourceData"]
        name = items.client_context(series, number)
        if kind is PEER_SET:
            found = json.loads(self._client.get(f"op:{name}") or "null")
        else:
            record = self._reader.latest(name)
            found = record and {
                **{member: json.loads(text) for member, text in record.members.items()},
                "@odata.type": f"#microsoft.graph.{record.type}",
                "clientContext": record.client_context,
                "id": record.operation_id,
                "status": record.status,
            }
        if found != sent:
            raise LostError(f"{kind.name} keeps {found} where {sent} was sent")


def _filling(number: int) -> OperationUpdate:
    digits = items.digits(number)
    return replace(
        _FIRST,
        client_context=items.client_context(items.FILLING, digits),
        call_id=items.call_id(items.FILLING, digits),
        operation_id=items.operation_id(items.FILLING, digits),
    )


def _read(number: int) -> OperationUpdate:
    document = parse(items.body(items.invitation(items.FILLING, items.digits(number))).encode())
    [update] = read_notification(document, TENANT).updates
    assert isinstance(update, OperationUpdate)
    return update


_FIRST: Final = _read(1)
