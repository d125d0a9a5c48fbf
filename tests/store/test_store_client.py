"""The store client: a name leads to another server, a connection breaks midway, a replica lacks a write."""

import time
from contextlib import closing
from pathlib import Path

import hiredis
import pytest

from receiver.errors import StoreUnavailableError
from receiver.store.reader import Reader
from receiver.store.scripts import MERGE
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Writer
from tests.support import stores
from tests.support.service import free_port
from tests.support.store_proxy import REPLY, REQUEST, Cut, Proxy
from tests.support.stores import StoreServer
from tests.support.updates import CALL, operation


def test_read_only_server_is_replaced_by_the_new_primary(
    tmp_path: Path,
) -> None:
    name = tmp_path / "name"
    with (
        stores.start() as old,
        stores.start() as new,
        closing(StoreClient(connect(f"unix://{name}", "required"))) as store_client,
    ):
        name.symlink_to(old.socket)
        store_client.call([("SET", "key", "before")], within=2)
        old.client.replicaof("127.0.0.1", "1")
        name.unlink()
        name.symlink_to(new.socket)
        store_client.call([("SET", "key", "after")], within=2)
        assert (old.client.get("key"), new.client.get("key")) == (b"before", b"after")


class CutAmongReplies:
    """Breaks the connection once, within the reply after so many `new`; notes the merges that are sent."""

    NEW = b"*1\r\n$3\r\nnew\r\n"

    def __init__(self, replies: int, of: int) -> None:
        self._passed = len(self.NEW) * replies + 3
        self._awaited = len(self.NEW) * of
        self._replies = b""
        self._requests = hiredis.Reader()
        self.is_over = False
        self.before: list[str] = []
        self.after: list[str] = []

    def __call__(self, way: str, data: bytes) -> bytes:
        if way == REQUEST:
            self._note(data)
        if way != REPLY or self.is_over:
            return data
        self._replies += data
        if len(self._replies) < self._awaited:
            return b""
        self.is_over = True
        assert self._replies == self.NEW * (self._awaited // len(self.NEW))
        raise Cut(self._replies[: self._passed])

    def _note(self, data: bytes) -> None:
        self._requests.feed(data)
        while command := self._requests.gets():
            if command[:2] == [b"EVALSHA", MERGE.sha1.encode()]:
                (self.after if self.is_over else self.before).append(command[7].decode())


def test_broken_write_sends_only_unanswered_commands_again(store: StoreServer) -> None:
    with Proxy(store.socket) as proxy, closing(StoreClient(connect(proxy.url, "required"))) as store_client:
        writer, reader = (
            Writer(BatchingClient(store_client), retention_days=30, overdue_seconds=120),
            Reader(store_client),
        )
        writer.store(
            [operation(op="first")], notification_id="first", within=2
        )  # which loads the script, and connects
        mishap = CutAmongReplies(4, of=10)
        proxy.suffer(mishap)
        items = [([operation(op=str(number))], str(number), 0.0) for number in range(10)]
        writer.store_all(items, within=5)
        assert mishap.before == [f"{number}.0" for number in range(10)]
        assert mishap.after == [f"{number}.0" for number in range(4, 10)]
        _, records = reader.call(CALL)
    assert len(records) == 11
    assert {(record.notifications, record.duplicates) for record in records} == {(1, 0)}


def test_write_without_replicas_is_not_acknowledged() -> None:
    port = free_port()
    with (
        stores.start(options=["--port", str(port)]) as primary,
        stores.start(options=["--replicaof", f"127.0.0.1 {port}"]) as replica,
        closing(StoreClient(connect(primary.url, "required"), replicas=1)) as store_client,
    ):
        while replica.client.info("replication")["master_link_status"] != "up":
            time.sleep(0.01)
        for number in range(20):
            assert store_client.call([("SET", "key", number), ("GET", "key")], within=2) == [
                b"OK",
                b"%d" % number,
            ]
            assert replica.client.get("key") == b"%d" % number
        replica.stall()
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            store_client.call([("SET", "key", "alone")], within=1)
        assert time.monotonic() - began < 1.6
        with pytest.raises(StoreUnavailableError, match="refuses"):
            store_client.call([("LPUSH", "key", "no list")], within=1)
        replica.go_on()
        assert store_client.call([("SET", "key", "after")], within=2) == [b"OK"]
        assert replica.client.get("key") == b"after"
