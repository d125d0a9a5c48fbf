"""Keeping news: updates in, one round trip, and what became of each."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from receiver.graph.json_codec import parse
from receiver.graph.quarantine_summary import summarize
from receiver.graph.sequence_numbers import sortable
from receiver.graph.updates import (
    CallUpdate,
    ChangeNotification,
    Members,
    OperationUpdate,
    ParticipantNotification,
    RosterDelta,
    RosterUpdate,
    Unreadable,
    Update,
)
from receiver.store.keys import context_key, next_number_key, probe_key, stream_key
from receiver.store.limits import FINGERPRINT_LENGTH, ITEMS_PER_SCRIPT
from receiver.store.record_versions import VersionChangedError
from receiver.store.roster_values import packed
from receiver.store.scripts import MERGE, MERGE_IF_VERSION
from receiver.store.skipped_values import SkippedValues
from receiver.store.tone_values import tone
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.store_client import Command

Item: TypeAlias = Update | ChangeNotification | Unreadable

OVERDUE_SECONDS: Final = 120
"""Graph rings for a minute; who has not answered by then does not answer."""

_SECONDS_PER_DAY: Final = 86400


class Writer:
    """Writes to the store.

    Args:
        batching_client: the way to Redis.
        retention_days: how long a record is kept after its last news.
        overdue_seconds: how long after its first news a result is due, where nobody says otherwise.
        skipped: counts records that an update met and that could not be read; by default its own.
        clock: seconds since 1970, from 1 on, instead of the store's own clock; for tests.
    """

    def __init__(
        self,
        batching_client: BatchingClient,
        *,
        retention_days: int,
        overdue_seconds: int = OVERDUE_SECONDS,
        skipped: SkippedValues | None = None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._batching_client = batching_client
        self._retention = retention_days * _SECONDS_PER_DAY
        self._deadline = overdue_seconds * 1000
        self._skipped = skipped or SkippedValues()
        self._clock = clock

    @property
    def is_full(self) -> bool:
        """Whether news that comes now is refused, since too much is under way."""
        return self._batching_client.is_full

    def store(
        self, items: Sequence[Item], *, notification_id: str, within: float, age: float = 0.0
    ) -> list[str]:
        """Merge and store all that one notification brought; on return the store has taken it.

        Args:
            items: what came.
            notification_id: an id of this POST; the same id again is not counted again.
            within: seconds.
            age: seconds since it came.

        Returns:
            What became of each: `new`, `changed`, `duplicate`, `conflict`, or `kept`.

        Raises:
            StoreUnavailableError: it is not sure that all is stored.
        """
        return self._merge([_arguments(item) for item in items], notification_id, within, age)

    def store_all(self, deliveries: Sequence[tuple[Sequence[Item], str, float]], *, within: float) -> None:
        """Do as `store` does for several notifications, in their order, in one round trip.

        Args:
            deliveries: what came, the id of each POST, and the seconds since it came.
            within: seconds.

        Raises:
            StoreUnavailableError: it is not sure that all is stored. Some may be, and all may be sent again.
        """
        commands = [
            command
            for items, notification_id, age in deliveries
            for command in self._commands([_arguments(item) for item in items], notification_id, age)
        ]
        for reply in self._batching_client.call(commands, within=within, items=len(commands)):
            self._outcomes(reply)

    def register(
        self,
        operation: OperationUpdate,
        *,
        notification_id: str,
        within: float,
        deadline: int | None = None,
        version: str = "",
    ) -> str:
        """Store what the caller himself tells of his operation; not counted as a notification.

        Args:
            operation: what he tells.
            notification_id: an id of this request.
            within: seconds.
            deadline: seconds from its first news until its result is due; None says nothing about it.
            version: that the operations of its client context must have (versions.py); empty, where any will do.

        Returns:
            What became of it, as `store` does.

        Raises:
            VersionChangedError: they have another version.
            StoreUnavailableError: it is not sure that it is stored.
        """
        item = _operation(operation, counted=0, deadline=deadline)
        if not version:
            return self._merge([item], notification_id, within)[0]
        keys = (next_number_key(), context_key(operation.client_context))
        arguments = self._merge_arguments([item], f"{notification_id}.0", 0.0)
        command = MERGE_IF_VERSION.command(keys, *arguments, version)
        [reply] = self._batching_client.call([command], within=within, items=1)
        if reply is None:
            raise VersionChangedError
        return self._outcomes(reply)[0]

    def release(self, *entry_ids: str, within: float) -> int:
        """Drop items from the quarantine.

        Returns:
            How many there were.

        Raises:
            StoreUnavailableError: it is not sure that they are dropped.
        """
        [dropped] = self._batching_client.call(
            [("XDEL", stream_key("quarantine"), *entry_ids)], within=within
        )
        return int(dropped)

    def probe(self, *, within: float) -> None:
        """Write a little something, and merge nothing: a store may refuse either though it answers a PING.

        Raises:
            StoreUnavailableError: the store takes no writes, or runs no scripts.
        """
        write: Command = ("SET", probe_key(), "", "EX", 60)
        self._batching_client.call([write, self._merge_command([], "probe", 0.0)], within=within)

    def _merge(
        self, items: list[list[str | int]], notification_id: str, within: float, age: float = 0.0
    ) -> list[str]:
        if not items:
            return []
        replies = self._batching_client.call(
            self._commands(items, notification_id, age), within=within, items=len(items)
        )
        return [outcome for reply in replies for outcome in self._outcomes(reply)]

    def _outcomes(self, reply: Sequence[bytes | int]) -> list[str]:
        """Return what became of each item, and count the records that the script could not read."""
        outcomes = [outcome.decode() for outcome in reply if isinstance(outcome, bytes)]
        if len(outcomes) < len(reply):
            [unreadable] = (number for number in reply if isinstance(number, int))
            self._skipped.add("operation", "met by an update", unreadable)
        return outcomes

    def _commands(self, items: list[list[str | int]], notification_id: str, age: float) -> list[Command]:
        # Each script call counts its items from nought, so each needs an id of its own.
        return [
            self._merge_command(items[start : start + ITEMS_PER_SCRIPT], f"{notification_id}.{start}", age)
            for start in range(0, len(items), ITEMS_PER_SCRIPT)
        ]

    def _merge_command(self, items: list[list[str | int]], notification_id: str, age: float) -> Command:
        return MERGE.command([next_number_key()], *self._merge_arguments(items, notification_id, age))

    def _merge_arguments(
        self, items: list[list[str | int]], notification_id: str, age: float
    ) -> list[str | int]:
        now = round((self._clock() - age) * 1000)  # without a clock of its own, it is the negative age
        arguments: list[str | int] = [now, self._retention, notification_id, self._deadline]
        for item in items:
            arguments += item
        return arguments


def _arguments(item: Item) -> list[str | int]:
    arguments: list[str | int]
    match item:
        case OperationUpdate():
            arguments = _operation(item, counted=1)
        case CallUpdate():
            number, text, members = tone(item.members)
            about = (item.call_id, item.tenant_id, item.state, item.rank)
            arguments = ["c", *about, number, text, *_pairs(members)]
        case RosterUpdate():
            arguments = ["r", item.call_id, item.tenant_id, *packed(item.participants)]
        case RosterDelta():
            _, participants = packed(item.participants)
            arguments = ["d", item.call_id, item.tenant_id, sortable(item.sequence), participants]
        case ParticipantNotification():
            arguments = ["p", item.call_id, item.tenant_id, item.text]
        case ChangeNotification():
            arguments = ["n", *_pairs({"text": item.text})]
        case Unreadable():
            summary = summarize(parse(item.text.encode()), item.contract, is_whole=item.is_whole)
            entry = {
                "reason": item.reason,
                "text": item.text,
                "contract": item.contract,
                "tenantId": item.tenant_id,
                "clientContext": item.client_context,
                "isWhole": "yes" if item.is_whole else "no",
                "address": summary.address,
                "type": summary.type,
                "replayable": "yes" if summary.is_replayable else "no",
            }
            arguments = ["q", *_pairs(entry)]
    return arguments


def _operation(update: OperationUpdate, *, counted: int, deadline: int | None = None) -> list[str | int]:
    ids = (update.client_context, update.call_id, update.operation_id, update.tenant_id)
    fingerprint = _fingerprint(update)
    kind = (update.type, update.status, update.rank, fingerprint, counted)
    due_after = "" if deadline is None else deadline * 1000
    return ["o", *ids, *kind, due_after, *_pairs(update.members)]


def _pairs(members: Members) -> list[str | int]:
    return [len(members), *(part for pair in members.items() for part in pair)]


def _fingerprint(update: OperationUpdate) -> str:
    """Return eight characters that tell the same news; ids don't count, since Graph omits some."""
    members = (part for member in sorted(update.members.items()) for part in member)
    text = "\0".join((update.type, update.status, *members))
    return hashlib.blake2b(text.encode(), digest_size=FINGERPRINT_LENGTH // 2).hexdigest()
