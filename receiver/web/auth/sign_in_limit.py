"""Limits on attempts to sign in: counted in the store, so that they hold for all processes together.

An API key of 32 random bytes cannot be guessed; the limit protects keys that operators have made up, and the work that
guessing costs. Only the page's form is counted: a client with a key can always send it, and a session continues. A
browser that has signed in before has a limit of its own, so that an attacker with any number of addresses does not lock
its user out (OWASP, Slow Down Online Guessing Attacks with Device Cookies).
"""

import hashlib
import ipaddress
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

from receiver.errors import TooManyAttemptsError
from receiver.store.keys import browser_key, sign_in_attempts_key
from receiver.store.transport.store_client import StoreClient
from receiver.web.middleware.request_context import time_left

MAX_ATTEMPTS: Final = 10
"""Attempts of one client in a minute: an address, or a browser that has signed in before."""

MAX_ATTEMPTS_OF_ALL: Final = 100
"""Attempts of all addresses together in a minute."""

BROWSER_SECONDS: Final = 90 * 86400
"""Seconds for which a browser counts as one that has signed in before."""

_MINUTE: Final = 60
_ID: Final = re.compile(r"[\w-]{43}", re.ASCII)
"""The format of `secrets.token_urlsafe(32)`."""


class SignInLimit:
    """Counts attempts to sign in, and remembers the browsers that have signed in before.

    Args:
        store_client: sends commands to Redis.
        clock: seconds since 1970; the counts of a minute start at zero.
        within: returns the seconds that the store has to answer.
    """

    def __init__(
        self,
        store_client: StoreClient,
        *,
        clock: Callable[[], float] = time.time,
        within: Callable[[], float] = time_left,
    ) -> None:
        self._store_client = store_client
        self._clock = clock
        self._within = within
        self._full_minute = 0

    def count(self, address: str | None, browser: str = "") -> None:
        """Count an attempt.

        Args:
            address: the client's, if it is known.
            browser: the value of its cookie, which may be forged.

        Raises:
            TooManyAttemptsError: the limit of this minute is reached.
            StoreUnavailableError: the store does not answer in time.
        """
        minute, second = divmod(int(self._clock()), _MINUTE)
        if self.knows(browser):
            is_too_many = self._add(minute, _hash(browser)) > MAX_ATTEMPTS
        else:
            is_too_many = minute == self._full_minute or self._is_too_many(minute, address)
        if is_too_many:
            seconds = _MINUTE - second
            raise TooManyAttemptsError(
                f"Wait {seconds} seconds, then try again. Requests with an API key are not limited.",
                retry_after=seconds,
            )

    def knows(self, browser: str) -> bool:
        """Return whether a browser has signed in before."""
        return bool(_ID.fullmatch(browser)) and self._call(("EXISTS", _browser_key(browser)))[0] == 1

    def remember(self) -> str:
        """Return a new id for a browser that has signed in now, and store it."""
        browser = secrets.token_urlsafe(32)
        self._call(("SET", _browser_key(browser), "", "EX", BROWSER_SECONDS))
        return browser

    def _is_too_many(self, minute: int, address: str | None) -> bool:
        # Attempts above the limit of an address do not count against all addresses.
        if self._add(minute, _hash(_network(address or ""))) > MAX_ATTEMPTS:
            return True
        if self._add(minute, "all") > MAX_ATTEMPTS_OF_ALL:
            self._full_minute = minute  # until it ends the store is not asked again
            return True
        return False

    def _add(self, minute: int, source: str) -> int:
        key = sign_in_attempts_key(minute, source)
        return int(self._call(("INCR", key), ("EXPIRE", key, 2 * _MINUTE))[0])

    def _call(self, *commands: tuple[str | int, ...]) -> list[int]:
        return self._store_client.call(commands, within=self._within())


def _browser_key(browser: str) -> str:
    return browser_key(hashlib.sha256(browser.encode()).hexdigest())


def _network(address: str) -> str:
    """Return the address under which a client is counted; for IPv6 its /64 network, which belongs to one client."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
