"""Stored values of another version are skipped, counted, and logged at intervals without their content."""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from receiver.store.reader import OperationFilter, StreamEntry
from receiver.store.record_versions import VersionChangedError, context_version
from receiver.store.skipped_values import LOG_SECONDS, SkippedValues
from tests.support.shelf import Shelf
from tests.support.stores import StoreServer
from tests.support.updates import CALL, OPERATION, bare, call, change, every_kind, operation

P = "receiver:{0}:"
ODD_TEXTS = (b"", b"no JSON", b"[]", b"null", b'"text"', b"{}", b"\xff\xfe", b'{"schema":2}', b"[" * 100_000)
"""Values that no version of the receiver wrote."""


def odd_records(text: bytes) -> list[bytes]:
    """Return a record with each member missing, and of another type, and out of range."""
    held: dict[str, Any] = orjson.loads(text)
    odd: list[object] = []
    for name in held:
        odd.append({key: value for key, value in held.items() if key != name})
        values: list[Any] = [None, -1, 1.5, 1e300, [], {"a": "b"}, {"a": [1]}, True]
        odd += [{**held, name: value} for value in values]
    odd += [
        {**held, "members": {"a": [2, text]}} for text in ("NaN", "{", 7, "[" * 200 + '"token"' + "]" * 200)
    ]
    conflicts: list[Any] = ["odd", [], {"status": "failed"}]
    odd += [{**held, "conflict": conflict} for conflict in conflicts]
    odd += [{**held, "first": 10**15}, {**held, "times": {"running": 10**15}}, {**held, "due": 10**15}]
    return [json.dumps(record).encode() for record in odd]


def numbers(shelf: Shelf, **chosen: Any) -> list[int]:
    return [
        record.number for record in shelf.reader.operations(OperationFilter(**chosen), limit=200).operations
    ]


def test_odd_operation_is_skipped_by_every_reader(shelf: Shelf, store: StoreServer) -> None:
    for op in ("a", "b", "c"):
        shelf.keep(operation("completed", op=op))
    text = store.value(f"{P}op:3")
    for odd in (*ODD_TEXTS, *odd_records(text)):
        store.client.set(f"{P}op:3", odd)
        expected = [2, 1] if shelf.reader.by_number(3) is None else [3, 2, 1]
        assert numbers(shelf) == numbers(shelf, client_context="invite-1") == expected, odd
        assert numbers(shelf, call_id=CALL) == expected
        assert (shelf.latest().number, shelf.latest().others) == (expected[0], 2)
        assert (shelf.reader.operation(CALL, "c") is None) == (expected == [2, 1])
        assert [record.number for record in shelf.reader.call(CALL)[1]] == expected
    assert shelf.skipped.counts["operation"] > 100


def test_only_unreadable_operation_is_not_found(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(operation("completed"))
    store.client.set(f"{P}op:1", "odd")
    assert shelf.reader.latest("invite-1") is None
    assert shelf.reader.by_number(1) is None


def test_odd_call_is_skipped_and_its_operations_are_read(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(call("established", direction="incoming"), operation("completed"))
    text = store.value(f"{P}call:{CALL}")
    for odd in (*ODD_TEXTS, *odd_records(text)):
        store.client.set(f"{P}call:{CALL}", odd)
        assert [record.number for record in shelf.reader.call(CALL)[1]] == [1]
    assert shelf.skipped.counts["call"] > 50


@pytest.mark.parametrize("stream", ["changes", "quarantine"])
def test_odd_entries_are_skipped_and_pages_continue(shelf: Shelf, store: StoreServer, stream: str) -> None:
    shelf.keep(*every_kind())
    name = f"{P}{stream}"
    [(first, fields)] = store.stream(name)
    for field in fields:
        store.client.xadd(name, {key: value for key, value in fields.items() if key != field} or {"x": "y"})
        store.client.xadd(name, {**fields, field: b"\xff"})
    store.client.xadd(name, {**fields, b"text": b"no JSON"})
    store.client.xadd(name, {**fields, b"text": b'{"a":"b"}'})
    store.client.xadd(name, fields, id="18446744073709551615-1")
    found: list[StreamEntry] = []
    before = None
    while True:
        entries, before = shelf.reader.entries(stream, limit=2, before=before)  # type: ignore[arg-type]
        found += entries
        if before is None:
            break
    assert found[0].fields["text"] == '{"a":"b"}'
    assert found[-1].id == first.decode()
    assert shelf.skipped.counts[stream] >= 3  # type: ignore[index]
    assert shelf.reader.entry(stream, "18446744073709551615-1") is None  # type: ignore[arg-type]


def test_odd_members_of_indexes_are_skipped(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(operation("running"), change())
    odd = {"odd": 5, "-1": 6, "1.5": 7, "9" * 30: 8, "100": 2, "": 9, "²": 10, "\x00": float("inf")}
    store.client.zadd(f"{P}cc:invite-1", odd)
    store.client.zadd(f"{P}overdue", {**odd, "1": 1})
    store.client.hset(f"{P}ops:{CALL}", "odd", "odd 1.5 -3")
    store.client.hset(f"{P}ops:{CALL}", OPERATION, "odd 1 \xff")
    assert shelf.latest().number == 1
    assert numbers(shelf, client_context="invite-1") == [1]
    assert [record.number for record in shelf.reader.call(CALL)[1]] == [1]
    assert shelf.reader.operation(CALL, OPERATION) is not None
    overdue = shelf.reader.operations(OperationFilter(overdue=True), limit=9)
    assert (overdue.operations, overdue.cursor) == ((), None)
    for name in ("next", "oldest"):
        store.client.set(f"{P}{name}", "odd")
        numbers(shelf)
    assert shelf.skipped.counts["index"] > 5


def test_skipped_values_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    skipped = SkippedValues(clock=lambda: now[0])
    read: Callable[[], object] = lambda: dict[str, object]()["Ann Example"]  # noqa: E731
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert skipped.attempt("operation", read) is None
        now[0] = LOG_SECONDS
        skipped.attempt("operation", read)
    assert [record.getMessage() for record in caplog.records] == [
        "skipped 1 stored values that cannot be read: operation (KeyError)",
        "skipped 3 stored values that cannot be read: operation (KeyError)",
    ]
    assert skipped.counts == {"operation": 4}


def test_update_of_an_unreadable_record_gets_a_new_one(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf, store = shelf_of(every_store), every_store
    shelf.keep(operation("running"))
    good = store.value(f"{P}op:1")
    for number, odd in enumerate((*ODD_TEXTS[1:], *odd_records(good)), 2):
        store.client.flushall()
        shelf.keep(operation("running"), operation("running", cc="other", op="other"))
        store.client.set(f"{P}op:1", odd)
        notification_id = f"again-{number}"
        outcomes = shelf.keep(
            operation("completed"),
            operation("completed", cc="other", op="other"),
            notification_id=notification_id,
        )
        assert outcomes[1] == "changed", odd
        if outcomes[0] == "new":
            assert store.value(f"{P}op:1") == odd
            assert (shelf.latest().number, shelf.latest().status, shelf.latest().others) == (
                3,
                "completed",
                1,
            )
            assert shelf.register(bare(), deadline=60) == "duplicate"
        assert shelf.reader.latest("other") is not None
    assert shelf.skipped.counts["operation"] > 50


def test_update_of_an_unreadable_call_saves_the_old_value(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf, store = shelf_of(every_store), every_store
    for odd in ODD_TEXTS[1:]:
        store.client.set(f"{P}call:{CALL}", odd, ex=1000)
        assert shelf.keep(call("established")) == ["new"]
        held, _ = shelf.reader.call(CALL)
        assert held
        assert held.state == "established"
        assert store.client.get(f"{P}unreadable:{CALL}") == odd
        assert 0 < store.client.ttl(f"{P}unreadable:{CALL}") <= 1000
    store.client.delete(f"{P}call:{CALL}")
    store.client.hset(f"{P}call:{CALL}", "of", "tomorrow")
    assert shelf.keep(call("established")) == ["new"]
    assert store.client.hgetall(f"{P}unreadable:{CALL}") == {b"of": b"tomorrow"}
    assert shelf.eraser.delete_call(CALL, within=2)
    assert store.client.exists(f"{P}call:{CALL}", f"{P}unreadable:{CALL}") == 0


def test_unreadable_record_is_due_again_and_delays_no_other(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf, store = shelf_of(every_store), every_store
    shelf.keep(operation("running", op="a", cc="a"), operation("running", op="b", cc="b"))
    store.client.set(f"{P}op:1", "odd")
    store.client.zadd(f"{P}due", {"odd": 1, "-1": 2})
    shelf.now += 120
    assert [shelf.deadlines.mark() for _ in range(2)] == [4, 0]
    assert shelf.latest("b").overdue
    assert store.client.zrange(f"{P}due", 0, -1, withscores=True) == [(b"1", (shelf.now + 600) * 1000)]
    assert shelf.skipped.counts["operation"] == 1
    store.client.delete(f"{P}op:1")
    shelf.now += 600
    shelf.deadlines.mark()
    assert store.client.exists(f"{P}due") == 0


@pytest.mark.parametrize("odd", [*ODD_TEXTS[1:], None])
def test_unreadable_record_is_deleted_like_any_other(
    shelf: Shelf, store: StoreServer, odd: bytes | None
) -> None:
    forgets: Sequence[Callable[[], bool]] = (
        lambda: shelf.eraser.delete_operations("invite-1", within=2),
        lambda: shelf.eraser.delete_call(CALL, within=2),
    )
    for forget in forgets:
        shelf.keep(operation("running"))
        [name] = [key for key in store.client.scan_iter() if b":op:" in key]
        store.client.delete(name)
        store.client.set(name, odd) if odd else store.client.hset(name, "of", "tomorrow")
        store.client.xadd(f"{P}quarantine", {"reason": "without a text"})
        assert forget()
        assert not forget()
        assert store.client.exists(name, f"{P}due") == 0


def test_version_of_a_context_skips_unreadable_records(shelf: Shelf, store: StoreServer) -> None:
    shelf.keep(operation("running", op="a"), operation("running", op="b"))
    store.client.set(f"{P}op:2", "odd")
    latest = shelf.latest()
    assert latest.number == 1
    version = context_version(latest)
    assert (
        shelf.writer.register(bare(), notification_id="x", within=2, deadline=600, version=version)
        == "duplicate"
    )
    with pytest.raises(VersionChangedError):
        shelf.eraser.delete_operations("invite-1", within=2, version=version)
    assert shelf.eraser.delete_operations("invite-1", within=2, version=context_version(shelf.latest()))
