"""The signing keys behind an OpenID metadata document: fetched in the background, kept through outages.

Theory of operation: all keys stand in one mapping, which is replaced as a whole, so that looking up a known
key id takes no lock and no network. At most one attempt to fetch is under way at a time; it runs in a thread
of its own, and who needs its result waits for it, but only for a moment. A failed attempt changes nothing.

A key id is unknown for certain only after a good fetch that began when it had been seen: any earlier one may have
come before the key. Fetches are rare, or a flood of ids would be a flood of fetches; so until then nobody can
judge, and says so. What has been seen is remembered, so that whoever comes again as he is told gets his answer.

Knows nothing of tokens. Threads are `threading`'s, which gunicorn's gevent worker turns into greenlets.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from receiver.errors import KeysUnavailableError
from receiver.supervision import Loop, Supervisor
from receiver.trust.egress import DIRECT, Egress
from receiver.trust.key_fetch import FETCH_FAILURES, Fetch, is_trustworthy

logger = logging.getLogger(__name__)

_PERIOD: Final = 3600.0
_PATIENCE: Final = 1.5
_TIME_LIMIT: Final = 5.0
_COOL_DOWN: Final = 30.0
_COOL_DOWN_WITHOUT_KEYS: Final = 1.0
_RETRY_WITHOUT_KEYS: Final = 5.0
_REMEMBERED: Final = 1000  # key ids, each of a few hundred bytes at most
_LOST_AFTER: Final = 20.0  # a hanging name server, or a TLS handshake that drips, can't be cut off


class UnknownKeyError(Exception):
    """The key set has no such key: it was fetched after the key id had been seen."""


@dataclass(frozen=True, slots=True)
class KeySetStatus:
    """How the key set is: number of keys, seconds since the last good fetch, and what went wrong since."""

    keys: int
    age: float | None
    error: str | None


class KeySet:
    """The signing keys behind an OpenID metadata document.

    Args:
        metadata_url: address of the document; https, or http on a loopback address.
        hosts: other hosts than that address's, with their ports unless 443, that the keys may be fetched from.
        egress: the proxy that https takes.
        clock: seconds, never going back; for cool-downs and ages.
        chance: a number from 0 to 1, to spread the hourly fetches of many processes.
        period: seconds between fetches, give or take a tenth.
        patience: seconds that a caller waits for a fetch.
        time_limit: seconds that a fetch may take; longer than a caller's patience, so that a provider that is
            merely slow still gets its keys to us.
        supervisor: runs the loop; by default one of its own.

    Raises:
        ValueError: the address is neither https nor on a loopback address.
    """

    def __init__(
        self,
        metadata_url: str,
        *,
        hosts: Collection[str] = (),
        egress: Egress = DIRECT,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        period: float = _PERIOD,
        patience: float = _PATIENCE,
        time_limit: float = _TIME_LIMIT,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._metadata = urlsplit(metadata_url)
        if not is_trustworthy(self._metadata):
            raise ValueError("the metadata address must be https, or http on a loopback address")
        self._hosts = hosts
        self._egress = egress
        self._clock = clock
        self._chance = chance
        self._period = period
        self._patience = patience
        self._time_limit = time_limit
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._supervisor = supervisor or Supervisor()
        self._loop: Loop | None = None
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at: float | None = None
        self._good_as_of = -math.inf
        self._seen: dict[str, float] = {}
        self._error: str | None = None
        self._attempt: Fetch | None = None
        self._attempted_at = -math.inf
        self._asked_at = -math.inf

    def start(self) -> None:
        """Fetch now, in the background, and then about hourly. Call it after the process has forked."""
        if self._loop is None:
            self._loop = self._supervisor.start("signing-keys", self._keep_fresh)

    def close(self) -> None:
        """Fetch no more by itself. A fetch under way ends within its time limit, and nobody waits for it."""
        self._closed.set()

    def get(self, key_id: str) -> RSAPublicKey:
        """Return the key of this id; at worst wait a moment for a fetch.

        Args:
            key_id: the `kid` of a token; not yet to be believed, so it starts at most one fetch in 30 s.

        Raises:
            UnknownKeyError: the key set was fetched since the id was first seen, and lacks it.
            KeysUnavailableError: there are no keys at all, or they lack the id and could not be refreshed yet: the
                token may be good, so it must not be refused for good.
        """
        key = self._keys.get(key_id)
        if key is None:
            seen = self._first_seen(key_id)
            self._wait_for_refresh()
            key = self._keys.get(key_id)
            if key is None:
                raise UnknownKeyError if seen <= self._good_as_of else self._unavailable()
        return key

    def holds(self, key_id: str, key: RSAPublicKey) -> bool:
        """Tell whether this key, as `get` returned it, still has this id. Takes no lock and no network."""
        return self._keys.get(key_id) is key

    def _first_seen(self, key_id: str) -> float:
        with self._lock:
            seen = self._seen.setdefault(key_id, self._clock())
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return seen

    def _unavailable(self) -> KeysUnavailableError:
        if not self._keys:
            return KeysUnavailableError(
                "The signing keys could not be fetched, so this token can't be judged. Try again shortly."
            )
        rest = self._asked_at + _COOL_DOWN - self._clock()
        return KeysUnavailableError(
            "This token's key is not known yet, and the keys were fetched just now, or could not be. Try again then.",
            retry_after=math.ceil(max(1.0, rest)),
        )

    def status(self) -> KeySetStatus:
        """Tell how many keys there are, how old they are in seconds, and why the last attempt failed."""
        with self._lock:
            age = None if self._fetched_at is None else self._clock() - self._fetched_at
            return KeySetStatus(len(self._keys), age, self._error)

    def _keep_fresh(self, loop: Loop) -> None:
        while not self._closed.is_set():
            loop.begin()
            with self._lock:
                attempt = self._under_way() or self._launch()
            attempt.done.wait(_LOST_AFTER)
            if attempt.fault is not None:
                raise attempt.fault
            loop.progress()
            loop.idle()
            self._closed.wait(self._pause())

    def _pause(self) -> float:
        if self._error is None:
            return self._period * (0.9 + 0.2 * self._chance())
        return min(_COOL_DOWN if self._keys else _RETRY_WITHOUT_KEYS, self._period)

    def _wait_for_refresh(self) -> None:
        with self._lock:
            attempt = self._under_way() or self._launch_if_cool()
        if attempt is not None:
            attempt.done.wait(self._patience)

    def _under_way(self) -> Fetch | None:
        return self._attempt if self._clock() - self._attempted_at < _LOST_AFTER else None

    def _launch_if_cool(self) -> Fetch | None:
        """Launch an attempt on behalf of a token, unless one was launched lately, whatever came of it.

        Without keys a short cool-down counts from any attempt. With keys a longer one counts from the last
        attempt for a token only, so that keys rotated right after a scheduled fetch are found all the same.
        """
        now = self._clock()
        if not self._keys:
            return self._launch() if now - self._attempted_at >= _COOL_DOWN_WITHOUT_KEYS else None
        if now - self._asked_at < _COOL_DOWN:
            return None
        self._asked_at = now
        return self._launch()

    def _launch(self) -> Fetch:
        self._attempt = attempt = Fetch(self._metadata, self._time_limit, self._hosts, self._egress)
        self._attempted_at = self._clock()
        threading.Thread(
            target=self._carry_out, args=(attempt, self._attempted_at), name="key-set-fetch", daemon=True
        ).start()
        return attempt

    def _carry_out(self, attempt: Fetch, began: float) -> None:
        try:
            self._keep(attempt.fetch(), began)
        except FETCH_FAILURES as error:
            reason = attempt.explain(error)
            if self._attempt is attempt:  # one that was given up says nothing about the present
                self._error = reason
            kept = "the last good ones stay in use" if self._keys else "there are none yet"
            logger.warning("The signing keys could not be fetched (%s); %s", reason, kept)
        except Exception as fault:  # noqa: BLE001 - raised in the loop, which its supervisor watches
            attempt.fault = fault
            self._error = f"an unexpected {type(fault).__name__}, see the log"
        finally:
            with self._lock:
                if self._attempt is attempt:
                    self._attempt = None
            attempt.done.set()

    def _keep(self, keys: Mapping[str, RSAPublicKey], began: float) -> None:
        with self._lock:
            new, gone = keys.keys() - self._keys.keys(), self._keys.keys() - keys.keys()
            # A key that has not changed stays the same object, by which `holds` knows it.
            self._keys = {
                key_id: self._keys[key_id] if self._keys.get(key_id) == key else key
                for key_id, key in keys.items()
            }
            self._good_as_of = began
            self._seen.update(dict.fromkeys(gone, began))  # withdrawn for certain: no need to fetch once more
            self._fetched_at = self._clock()
            self._error = None
        if new or gone:
            logger.info("The signing keys changed: %d keys, %d new, %d gone", len(keys), len(new), len(gone))
