"""Delete records when there is a spool: a spooled item must not bring back what was deleted."""

import logging
from collections.abc import Callable
from typing import Final

from receiver.errors import StoreUnavailableError
from receiver.graph.json_codec import dump
from receiver.graph.updates import ChangeNotification, OperationUpdate, Unreadable
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_queue import Spool
from receiver.store.eraser import Eraser, call_addresses, comparable, nested_json
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Item

_log: Final = logging.getLogger(__name__)


class SpoolEraser(Eraser):
    """Deletes from the store, and from the spool by the same rules.

    Args:
        store_client: sends the commands.
        spool: the notifications that wait for the store.
    """

    def __init__(self, store_client: StoreClient, spool: Spool) -> None:
        super().__init__(store_client)
        self._spool = spool

    def delete_operations(self, client_context: str, *, within: float, version: str = "") -> bool:
        """Delete the operations of a client context from store and spool; see `Eraser.delete_operations`."""
        named = (f'"clientContext":{dump(client_context)}', nested_json(client_context))

        def matches(item: Item) -> bool:
            if isinstance(item, Unreadable):
                return item.client_context == client_context or any(name in item.text for name in named)
            return isinstance(item, OperationUpdate) and item.client_context == client_context

        def delete_from_store(seconds: float) -> bool:
            return Eraser.delete_operations(self, client_context, within=seconds, version=version)

        return self._delete_from_both(delete_from_store, client_context, matches, within)

    def delete_call(self, call_id: str, *, within: float, version: str = "") -> bool:
        """Delete a call from store and spool; see `Eraser.delete_call`."""

        def matches(item: Item) -> bool:
            if isinstance(item, (Unreadable, ChangeNotification)):
                text = comparable(item.text)
                return any(address in text for address in call_addresses(call_id))
            return item.call_id == call_id

        def delete_from_store(seconds: float) -> bool:
            return Eraser.delete_call(self, call_id, within=seconds, version=version)

        return self._delete_from_both(delete_from_store, call_id, matches, within)

    def _delete_from_both(
        self,
        delete_from_store: Callable[[float], bool],
        name: str,
        matches: Callable[[Item], bool],
        within: float,
    ) -> bool:
        try:
            # Without the lock the drainer could replay an entry that it has just read.
            with self._spool.lock(within / 2) as is_locked:
                if not is_locked:
                    raise StoreUnavailableError("The spool is being drained. Try again soon.")
                in_store = delete_from_store(within / 2)
                return self._spool.delete_items(name, matches) or in_store
        except SpoolError as error:
            _log.error("nothing is deleted from the spool: %s", error)
            raise StoreUnavailableError(
                "The spool can't be read or written now. See the receiver's log."
            ) from error
