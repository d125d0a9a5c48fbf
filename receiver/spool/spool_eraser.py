"""Forgetting where there is a spool: what waits there must not come back after it has been forgotten."""

import logging
from collections.abc import Callable
from typing import Final

from receiver.errors import StoreUnavailableError
from receiver.graph.json_codec import dump
from receiver.graph.updates import ChangeNotification, OperationUpdate, Unreadable
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_queue import Spool
from receiver.store.eraser import Eraser, addresses, inner_text, plain
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Item

_log: Final = logging.getLogger(__name__)


class SpoolEraser(Eraser):
    """Forgets in the store, and in the spool by the same rules.

    Args:
        store_client: the way to Redis.
        spool: what has yet to come in.
    """

    def __init__(self, store_client: StoreClient, spool: Spool) -> None:
        super().__init__(store_client)
        self._spool = spool

    def delete_operations(self, client_context: str, *, within: float, version: str = "") -> bool:
        """Do as `Eraser.delete_operations` does, and in the spool too."""
        named = (f'"clientContext":{dump(client_context)}', inner_text(client_context))

        def concerns(item: Item) -> bool:
            if isinstance(item, Unreadable):
                return item.client_context == client_context or any(name in item.text for name in named)
            return isinstance(item, OperationUpdate) and item.client_context == client_context

        def forget(seconds: float) -> bool:
            return Eraser.delete_operations(self, client_context, within=seconds, version=version)

        return self._forget_in_both(forget, client_context, concerns, within)

    def delete_call(self, call_id: str, *, within: float, version: str = "") -> bool:
        """Do as `Eraser.delete_call` does, and in the spool too."""

        def concerns(item: Item) -> bool:
            if isinstance(item, (Unreadable, ChangeNotification)):
                text = plain(item.text)
                return any(address in text for address in addresses(call_id))
            return item.call_id == call_id

        def forget(seconds: float) -> bool:
            return Eraser.delete_call(self, call_id, within=seconds, version=version)

        return self._forget_in_both(forget, call_id, concerns, within)

    def _forget_in_both(
        self, forget: Callable[[float], bool], name: str, concerns: Callable[[Item], bool], within: float
    ) -> bool:
        try:
            with self._spool.hold(within / 2) as held:  # what the drainer has in hand would come back
                if not held:
                    raise StoreUnavailableError("The spool is being drained. Try again soon.")
                in_store = forget(within / 2)
                return self._spool.forget(name, concerns) or in_store
        except SpoolError as error:
            _log.error("the spool forgets nothing: %s", error)
            raise StoreUnavailableError("The spool can't be read or written now. See the log.") from error
