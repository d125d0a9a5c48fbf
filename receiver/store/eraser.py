"""Delete an operation or a call for good: its records, and everything that points at them or names it."""

from receiver.graph.json_codec import dump
from receiver.store.feed import START
from receiver.store.keys import StreamName, call_operations_key, context_key, stream_key
from receiver.store.limits import ENTRIES_PER_DELETION, ITEMS_PER_SCRIPT
from receiver.store.record_versions import VersionChangedError
from receiver.store.scripts import DELETE_CALL, DELETE_ENTRIES, DELETE_OPERATIONS, Script
from receiver.store.transport.store_client import StoreClient


class Eraser:
    """Deletes records. Every method raises StoreUnavailableError if something may be left.

    Args:
        store_client: sends the commands.
    """

    def __init__(self, store_client: StoreClient) -> None:
        self._store_client = store_client

    def delete_operations(self, client_context: str, *, within: float, version: str = "") -> bool:
        """Delete the operations of a client context, and the quarantined items that name it.

        Args:
            client_context: as the client chose it.
            within: seconds for each round trip.
            version: the version (`record_versions.py`) that the operations must have; empty for any.

        Returns:
            Whether there was anything to delete.

        Raises:
            VersionChangedError: the operations have another version.
        """
        key = context_key(client_context)
        names = (client_context, dump(client_context), nested_json(client_context))
        return self._delete(DELETE_OPERATIONS, key, *names, version=version, within=within)

    def delete_call(self, call_id: str, *, within: float, version: str = "") -> bool:
        """Delete a call: state, roster, operations, and the quarantined items and change notifications that name it.

        Args:
            call_id: normalized.
            within: seconds for each round trip.
            version: the version (`record_versions.py`) that the call and its operations must have; empty for any.

        Returns:
            Whether there was anything to delete.

        Raises:
            VersionChangedError: the call or an operation has another version.
        """
        key = call_operations_key(call_id)
        records = self._delete(DELETE_CALL, key, call_id, version=version, within=within)
        quarantined, changes, _ = (
            self._delete_entries(stream, call_id, within=within)
            for stream in ("quarantine", "changes", "feed")
        )
        return records or quarantined or changes

    def _delete(self, script: Script, key: str, *names: str, version: str, within: float) -> bool:
        total, left = 0, 1
        while left:
            command = script.command([key], *names, ITEMS_PER_SCRIPT, version)
            [reply] = self._store_client.call([command], within=within)
            if reply is None:
                raise VersionChangedError
            deleted, left = reply
            total += deleted
            version = ""  # the first script call has compared it
        return total > 0

    def _delete_entries(self, stream: StreamName, call_id: str, *, within: float) -> bool:
        total, position = 0, START
        while position:
            command = DELETE_ENTRIES.command(
                [stream_key(stream)], call_id, position, ENTRIES_PER_DELETION, *call_addresses(call_id)
            )
            [(deleted, *last)] = self._store_client.call([command], within=within)
            total += deleted
            position = last[0].decode() if last else ""
        return total > 0


def call_addresses(call_id: str) -> tuple[str, ...]:
    """Return the addresses of a call, as they occur in Graph's texts, in the form of `comparable`."""
    own = comparable(call_id)
    keys = (f"('{own}')", f"(id='{own}')", f"({own})", f"(%27{own}%27)", f"%28%27{own}%27%29")
    # The last one precedes a quotation mark, in a body that is stored as one JSON text.
    ends = ("/", '"', "?", "\\")
    return *(f"calls/{own}{end}" for end in ends), *(f"calls{key}" for key in keys)


def nested_json(client_context: str) -> str:
    """Return a client context as it occurs in a body that is not JSON, which is stored as one JSON text."""
    return dump(dump(client_context))[1:-1]


def comparable(text: str) -> str:
    """Return a text in the form that is compared with addresses: Graph writes either case, with or without dashes."""
    return text.lower().replace("-", "")
