"""How often somebody may try to sign in: counted in the store, so that it holds for all processes together.

An API key is 32 random bytes and can't be guessed; this is for keys that somebody made up himself, and for the
work that guessing would cost. Only the page's form is counted: who has a key can always ask with it, and whoever is
signed in stays so.
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable
from typing import Final

from receiver.errors import TooManyTriesError
from receiver.store.keys import PREFIX
from receiver.store.link import Link
from receiver.web.context import time_left

MOST_OF_ONE: Final = 10
"""Tries of one client in a minute."""

MOST_OF_ALL: Final = 100
"""Tries of all clients in a minute, without the first of each: whoever attacks, the owner can still sign in."""

_MINUTE: Final = 60


class Tries:
    """Counts tries to sign in.

    Args:
        link: the way to Redis.
        clock: seconds since 1970; a new minute begins from nought.
        within: tells the seconds that the store has.
    """

    def __init__(
        self, link: Link, *, clock: Callable[[], float] = time.time, within: Callable[[], float] = time_left
    ) -> None:
        self._link = link
        self._clock = clock
        self._within = within

    def count(self, address: str | None) -> None:
        """Count a try of a client, by its address as far as that is known.

        Raises:
            TooManyTriesError: there were too many in this minute.
            StoreUnavailableError: the store doesn't answer in time.
        """
        minute, second = divmod(int(self._clock()), _MINUTE)
        own = self._add(f"{minute}:{_client(address or '')}")
        # Who is over his own limit does not use up the others'.
        if own > MOST_OF_ONE or (self._add(f"{minute}:all") > MOST_OF_ALL and own > 1):
            seconds = _MINUTE - second
            raise TooManyTriesError(f"Wait {seconds} seconds, then try again.", retry_after=seconds)

    def _add(self, name: str) -> int:
        key = f"{PREFIX}tries:{name}"
        count, _ = self._link.call([("INCR", key), ("EXPIRE", key, 2 * _MINUTE)], within=self._within())
        return int(count)


def _client(address: str) -> str:
    """Return what stands for a client: not his address itself, and for IPv6 his network, which is all one's own."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        network = address
    else:
        if isinstance(ip, ipaddress.IPv6Address):
            network = str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
        else:
            network = str(ip)
    return hashlib.sha256(network.encode()).hexdigest()[:32]
