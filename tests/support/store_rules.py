"""What the store may hold, whatever came: the table of `receiver.store.keys`, and records that are found again."""

import re
from typing import Any

import orjson
import redis

from receiver.store import keys
from receiver.store.records import CallRecord, OperationRecord

_ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<type>[a-z ]+) \| .* \| (?P<life>[^|]+) \|$", re.MULTILINE)
_PLACES = {"<number>": r"[1-9]\d*"}
_TYPES = {"sorted set": "zset"}


class KeyRule:
    """A row of the table: the names that it stands for, their type, and whether they end by themselves."""

    def __init__(self, row: re.Match[str]) -> None:
        name = re.sub("<[^>]+>", lambda place: _PLACES.get(place[0], ".+"), row["name"])
        self.pattern = re.compile(re.escape(keys.PREFIX) + name, re.DOTALL)
        self.type = _TYPES.get(row["type"], row["type"])
        self.ends = row["life"] != "for ever"


RULES = [KeyRule(row) for row in _ROW.finditer(keys.__doc__ or "")]


def hold_store(client: redis.Redis) -> int:
    """Fail where the store holds what it should not; return how many operation records it holds."""
    names = [name.decode() for name in client.scan_iter(count=1000)]
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.type(name)
        pipeline.ttl(name)
    replies = pipeline.execute()
    for name, kind, ttl in zip(names, replies[::2], replies[1::2], strict=True):
        rule = next((rule for rule in RULES if rule.pattern.fullmatch(name)), None)
        assert rule, f"{name!r} is not in the table of keys"
        if kind == b"none":  # it has expired since
            continue
        assert kind.decode() == rule.type, f"{name!r} is a {kind.decode()}"
        assert (ttl > 0) == rule.ends, f"{name!r} ends in {ttl} s"
        assert not name.endswith(":None"), f"{name!r} derives from a missing id"
    Shelf(client, names).hold()
    return sum(name.startswith(f"{keys.PREFIX}op:") for name in names)


class Shelf:
    """Records and what points at them, read at once."""

    def __init__(self, client: redis.Redis, names: list[str]) -> None:
        self._client = client
        self._names = [name.removeprefix(keys.PREFIX) for name in names]
        numbers = [int(name[3:]) for name in self._names if name.startswith("op:")]
        together = client.pipeline()  # in one step: what is overdue moves from one set to the other by itself
        together.zrange(f"{keys.PREFIX}due", 0, -1, withscores=True)
        together.zrange(f"{keys.PREFIX}overdue", 0, -1)
        for number in numbers:
            together.get(f"{keys.PREFIX}op:{number}")
        due, overdue, *texts = together.execute()
        self._due = {int(number): at for number, at in due}
        self._overdue = set(map(int, overdue))
        self._records = {
            number: OperationRecord.parse(number, text) for number, text in zip(numbers, texts, strict=True)
        }

    def hold(self) -> None:
        for number, record in self._records.items():
            self._hold_operation(number, record)
        self._hold_deadlines()
        for name in self._names:
            kind, _, rest = name.partition(":")
            if kind == "call":
                text: Any = self._client.get(keys.PREFIX + name)
                assert CallRecord.parse(text).call_id == rest
            elif kind in {"cc", "ops", "oid", "open"}:
                assert self._numbers(name) <= self._records.keys(), f"{name!r} points at a missing record"
            elif kind in {"quarantine", "changes"}:
                entries: Any = self._client.xrange(keys.PREFIX + name)
                for _, entry in entries:
                    orjson.loads(entry[b"text"])

    def _hold_deadlines(self) -> None:
        """Fail where what waits for a result is not in line for it, or what does not, is."""
        due = {number: record.due for number, record in self._records.items() if record.due}
        overdue = {number for number, record in self._records.items() if record.overdue}
        assert due.keys() == {number for number, record in self._records.items() if not record.done}
        assert overdue <= due.keys(), "an operation is overdue that was never due"
        assert self._due == {number: at for number, at in due.items() if number not in overdue}
        assert self._overdue == overdue, "the index of what is overdue is wrong"

    def _hold_operation(self, number: int, record: OperationRecord) -> None:
        cc, call_id, operation_id = record.client_context, record.call_id, record.operation_id
        assert cc or call_id, f"no client could ask for record {number}"
        assert "None" not in {cc, call_id, operation_id}, f"record {number} has an id that was missing"
        assert record.revision >= 1, f"record {number} has no revision"
        assert record.notifications >= record.duplicates, f"record {number} has too many duplicates"
        indexes = {
            f"cc:{cc}": cc,
            f"ops:{call_id}": call_id,
            f"open:{cc}": cc and not operation_id,
            f"oid:{operation_id}": operation_id and not (cc and call_id),
        }
        for name, wanted in indexes.items():
            if wanted:
                assert number in self._numbers(name, operation_id), (
                    f"{name!r} does not lead to record {number}"
                )

    def _numbers(self, name: str, operation_id: str | None = None) -> set[int]:
        """Return the records that an index points at; of `ops`, those of one operation id if it is given."""
        key = keys.PREFIX + name
        if name.startswith("cc:"):
            members: Any = self._client.zrange(key, 0, -1)
            return set(map(int, members))
        if not name.startswith("ops:"):
            return set(map(int, (self._client.get(key) or b"").split()))
        lists = (
            self._client.hvals(key) if operation_id is None else [self._client.hget(key, operation_id) or b""]
        )
        return {int(number) for listed in lists for number in listed.split()}
