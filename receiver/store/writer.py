"""Write the items of notifications to the store: one round trip, and the outcome of each item."""

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
from receiver.store.roster_values import pack_participants
from receiver.store.scripts import MERGE, MERGE_IF_VERSION
from receiver.store.skipped_values import SkippedValues
from receiver.store.tone_values import split_tone
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.store_client import Command

Item: TypeAlias = Update | ChangeNotification | Unreadable

_SECONDS_PER_DAY: Final = 86400


class Writer:
    """Writes to the store.

    Args:
        batching_client: sends the commands.
        retention_days: how long a record is stored after its last update.
        overdue_seconds: how long after an operation's first update its result is due, unless a registration gives a
            deadline.
        skipped: counts records that an update belonged to and that could not be read; by default its own.
        clock: seconds since 1970, from 1 on, instead of the store's own clock; for tests.
    """

    def __init__(
        self,
        batching_client: BatchingClient,
        *,
        retention_days: int,
        overdue_seconds: int,
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
        """Whether a notification that arrives now is refused, since the queue is full."""
        return self._batching_client.is_full

    def store(
        self, items: Sequence[Item], *, notification_id: str, within: float, age: float = 0.0
    ) -> list[str]:
        """Merge the items of one notification into the store; on return they are stored.

        Args:
            items: the items, all of one POST.
            notification_id: an id of the POST; writing the same id again changes and counts nothing.
            within: seconds.
            age: seconds since the POST arrived.

        Returns:
            The outcome of each item: `new`, `changed`, `duplicate`, `conflict`, or `kept`.

        Raises:
            StoreUnavailableError: the items may not all be stored.
        """
        return self._merge([_item_arguments(item) for item in items], notification_id, within, age)

    def store_all(self, notifications: Sequence[tuple[Sequence[Item], str, float]], *, within: float) -> None:
        """Merge the items of several notifications, in their order, in one round trip; see `store`.

        Args:
            notifications: for each its items, its id, and the seconds since it arrived.
            within: seconds.

        Raises:
            StoreUnavailableError: the items may not all be stored. Writing all of them again does no harm.
        """
        commands = [
            command
            for items, notification_id, age in notifications
            for command in self._commands([_item_arguments(item) for item in items], notification_id, age)
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
        """Store a client's registration of an operation; it does not count as a notification.

        Args:
            operation: the registered operation.
            notification_id: an id of this request.
            within: seconds.
            deadline: seconds from the operation's first update until its result is due; None leaves that as it is.
            version: the version (`record_versions.py`) that the client context's operations must have; empty for any.

        Returns:
            The outcome, as `store` returns it.

        Raises:
            VersionChangedError: the operations have another version.
            StoreUnavailableError: the registration may not be stored.
        """
        item = _operation_arguments(operation, counted=0, deadline=deadline)
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
        """Delete items from the quarantine.

        Returns:
            How many there were.

        Raises:
            StoreUnavailableError: the items may not be deleted.
        """
        [deleted] = self._batching_client.call(
            [("XDEL", stream_key("quarantine"), *entry_ids)], within=within
        )
        return int(deleted)

    def probe(self, *, within: float) -> None:
        """Check that the store takes writes and runs scripts: it may refuse either though it answers a PING.

        Raises:
            StoreUnavailableError: the store does not take writes, or does not run scripts.
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
        """Return the outcome of each item, and count the records that the script could not read."""
        outcomes = [outcome.decode() for outcome in reply if isinstance(outcome, bytes)]
        if len(outcomes) < len(reply):
            [unreadable] = (number for number in reply if isinstance(number, int))
            self._skipped.add("operation", "an update belonged to them", unreadable)
        return outcomes

    def _commands(self, items: list[list[str | int]], notification_id: str, age: float) -> list[Command]:
        # Each script call counts its items from 0, so each needs an id of its own.
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


def _item_arguments(item: Item) -> list[str | int]:
    arguments: list[str | int]
    match item:
        case OperationUpdate():
            arguments = _operation_arguments(item, counted=1)
        case CallUpdate():
            number, text, members = split_tone(item.members)
            about = (item.call_id, item.tenant_id, item.state, item.rank)
            arguments = ["c", *about, number, text, *_pair_arguments(members)]
        case RosterUpdate():
            arguments = ["r", item.call_id, item.tenant_id, *pack_participants(item.participants)]
        case RosterDelta():
            _, participants = pack_participants(item.participants)
            arguments = ["d", item.call_id, item.tenant_id, sortable(item.sequence), participants]
        case ParticipantNotification():
            arguments = ["p", item.call_id, item.tenant_id, item.text]
        case ChangeNotification():
            arguments = ["n", *_pair_arguments({"text": item.text})]
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
            arguments = ["q", *_pair_arguments(entry)]
    return arguments


def _operation_arguments(
    update: OperationUpdate, *, counted: int, deadline: int | None = None
) -> list[str | int]:
    ids = (update.client_context, update.call_id, update.operation_id, update.tenant_id)
    fingerprint = _fingerprint(update)
    kind = (update.type, update.status, update.rank, fingerprint, counted)
    due_after = "" if deadline is None else deadline * 1000
    return ["o", *ids, *kind, due_after, *_pair_arguments(update.members)]


def _pair_arguments(members: Members) -> list[str | int]:
    return [len(members), *(part for pair in members.items() for part in pair)]


def _fingerprint(update: OperationUpdate) -> str:
    """Return the fingerprint of an update. Ids do not count, since Graph omits some of them."""
    members = (part for member in sorted(update.members.items()) for part in member)
    text = "\0".join((update.type, update.status, *members))
    return hashlib.blake2b(text.encode(), digest_size=FINGERPRINT_LENGTH // 2).hexdigest()
