"""Forgetting: what is kept of an operation or a call, and whatever points at it, for good."""

from receiver.graph.json import dump
from receiver.store.keys import PREFIX
from receiver.store.link import Command, Link
from receiver.store.scripts import FORGET, FORGET_CALL, MOST_AT_ONCE, Script


class Eraser:
    """Forgets; every method raises StoreUnavailableError where it is not sure that all is forgotten.

    Args:
        link: the way to Redis.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def forget_operations(self, client_context: str, *, within: float) -> bool:
        """Forget the operations of a client context, and what is in quarantine of it.

        Args:
            client_context: as the caller chose it.
            within: seconds for each round trip.

        Returns:
            Whether there was anything.
        """
        key = f"{PREFIX}cc:{client_context}"
        return self._forget(FORGET, key, client_context, dump(client_context), within=within)

    def forget_call(self, call_id: str, *, within: float) -> bool:
        """Forget a call: state, roster, all its operations, and what is in quarantine of it.

        Args:
            call_id: normalized.
            within: seconds for each round trip.

        Returns:
            Whether there was anything.
        """
        return self._forget(FORGET_CALL, f"{PREFIX}ops:{call_id}", call_id, within=within)

    def _forget(self, script: Script, key: str, *names: str, within: float) -> bool:
        command: Command = ("EVALSHA", script.sha1, 1, key, PREFIX, *names, MOST_AT_ONCE)
        total, left = 0, 1
        while left:
            [(forgotten, left)] = self._link.call([command], within=within)
            total += forgotten
        return total > 0
