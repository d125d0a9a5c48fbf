"""The store of the benchmark: filling it, and whether it holds what was answered 202.

A load is checked by count and by sample. wrk hangs up at the end without waiting for its last answers, so what is
stored may exceed what was answered by one POST for each connection, and never fall below it.
"""

import json
import random
import time
from dataclasses import replace
from typing import Final

import redis

from receiver.graph.json import parse
from receiver.graph.notifications import read_notification
from receiver.graph.updates import OperationUpdate
from receiver.store.keys import PREFIX
from receiver.store.link import Link, connect
from receiver.store.reader import Reader
from receiver.store.writer import Writer
from tests.benchmarks.callback import news
from tests.benchmarks.callback.load import Load, Outcome
from tests.benchmarks.callback.servers import PEER_SET, Kind
from tests.service import TENANT
from tests.stores import StoreServer

_RETENTION_DAYS: Final = 30
_AT_ONCE: Final = 100
_SAMPLE: Final = 50


class LostError(Exception):
    """What was answered 202 is not in the store, or not as it was sent."""


class Kept:
    """Looks after what the store holds.

    Args:
        store: the store.
    """

    def __init__(self, store: StoreServer) -> None:
        link = Link(connect(store.url, "required"))
        self._client: redis.Redis = store.client
        self._reader = Reader(link, within=30)
        self._writer = Writer(link, retention_days=_RETENTION_DAYS)

    def fill(self, records: int) -> None:
        """Empty the store, then put completed invitations into it, by the merge script."""
        self._client.flushall()
        for start in range(1, records + 1, _AT_ONCE):
            some = [_filling(number) for number in range(start, min(start + _AT_ONCE, records + 1))]
            self._writer.keep(some, delivery="filling", within=30)

    def count(self, kind: Kind) -> int:
        """Return how many operations a server has stored, when it has settled what nobody waits for any more."""
        count, before = self._count(kind), -1
        while count != before:
            time.sleep(0.2)
            count, before = self._count(kind), count
        return count

    def check(self, load: Load, outcome: Outcome, kind: Kind, grown: int) -> None:
        """Check what a load of news has left.

        Raises:
            LostError: something is missing, or not what was sent.
        """
        news_of_each = 2 if load.kind == "lives" else 1
        answered = outcome.requests * load.items
        if not answered / news_of_each <= grown <= outcome.numbers:
            counts = f"{answered} items answered 202, {grown} operations stored, {outcome.numbers} sent"
            raise LostError(f"{kind.name}, {load.name}: {counts}")
        # The newest may not have been answered any more; wrk never sends the first, with which it tries its script.
        newest = outcome.numbers - 2 * load.connections * load.items
        for number in random.sample(range(load.items + 1, newest), min(_SAMPLE, newest - load.items - 1)):
            self._check_one(kind, outcome.series, news.digits(number))

    def _count(self, kind: Kind) -> int:
        if kind is PEER_SET:
            return int(self._client.dbsize())
        return int(self._client.get(f"{PREFIX}next") or 0)

    def _check_one(self, kind: Kind, series: str, number: str) -> None:
        sent = news.invitation(series, number)["resourceData"]
        name = news.client_context(series, number)
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
    mark = news.digits(number)
    return replace(
        _FIRST,
        client_context=news.client_context(news.FILLING, mark),
        call_id=news.call_id(news.FILLING, mark),
        operation_id=news.operation_id(news.FILLING, mark),
    )


def _read(number: int) -> OperationUpdate:
    document = parse(news.body(news.invitation(news.FILLING, news.digits(number))).encode())
    [update] = read_notification(document, TENANT).updates
    assert isinstance(update, OperationUpdate)
    return update


_FIRST: Final = _read(1)
