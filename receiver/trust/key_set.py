"""The signing keys of an OpenID metadata document: fetched in the background, kept through outages.

Theory of operation: all keys are in one mapping, which is replaced as a whole, so that looking up a known key id takes
no lock and no network. At most one fetch is under way at a time; it runs in its own thread, and a caller that needs its
result waits for it, but only for a moment. A failed fetch changes nothing.

A key id is unknown for certain only after a successful fetch that began after the id was first seen: an earlier one may
have preceded the key. Fetches are rare, or a flood of ids would be a flood of fetches; until the next one the answer is
`KeysUnavailableError`. The key ids seen are recorded, so that a sender that retries then gets a definite answer.

This module does not know tokens. Threads are `threading`'s, which gunicorn's gevent worker turns into greenlets.
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
from receiver.trust.key_fetch import FETCH_FAILURES, KeyFetch, is_trustworthy

logger = logging.getLogger(__name__)

_PERIOD: Final = 3600.0
"""Seconds between two fetches, plus or minus a tenth. Until the next one a withdrawn key is still accepted."""

_PATIENCE: Final = 1.5
"""Seconds that a token with an unknown key id waits for a fetch; a request has 2.3 s in all."""

_TIME_LIMIT: Final = 5.0
"""Seconds after which a fetch ends, whatever the server does."""

_COOL_DOWN: Final = 30.0
"""Seconds between two fetches caused by unknown key ids, while there are keys."""

_COOL_DOWN_WITHOUT_KEYS: Final = 1.0
"""Seconds between two fetches caused by tokens, while there are no keys."""

_RETRY_WITHOUT_KEYS: Final = 5.0
"""Seconds until the loop fetches again after a failure, while there are no keys."""

_MAX_SEEN: Final = 1000
"""Unknown key ids that are recorded, each of a few hundred bytes at most; the oldest is dropped."""

_ABANDON_AFTER: Final = 20.0
"""Seconds after which a fetch is abandoned: a hanging name server or a dripping TLS handshake can't be cut off."""


class UnknownKeyError(Exception):
    """The key set has no such key: it was fetched after the key id was first seen."""


@dataclass(frozen=True, slots=True)
class KeySetStatus:
    """State of a key set: number of keys, seconds since the last successful fetch, and the error of a later one."""

    keys: int
    age: float | None
    error: str | None


class KeySet:
    """The signing keys of an OpenID metadata document.

    Args:
        metadata_url: address of the document; https, or http on a loopback address.
        hosts: further hosts, with their ports unless 443, from which the keys may be fetched.
        egress: the proxy for https.
        clock: monotonic seconds, for cool-downs and ages.
        chance: returns a number from 0 to 1, to spread the hourly fetches of many processes.
        period: seconds between fetches, plus or minus a tenth.
        patience: seconds that a caller waits for a fetch.
        time_limit: seconds that a fetch may take; longer than `patience`, so that the keys of a slow provider still
            arrive.
        supervisor: runs the loop; by default a new one.

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
        self._complete_as_of = -math.inf
        self._seen: dict[str, float] = {}
        self._error: str | None = None
        self._attempt: KeyFetch | None = None
        self._attempted_at = -math.inf
        self._fetched_for_token_at = -math.inf

    def start(self) -> None:
        """Start to fetch in the background, now and then about hourly. Call it after the process has forked."""
        if self._loop is None:
            self._loop = self._supervisor.start("signing-keys", self._refresh_periodically)

    def close(self) -> None:
        """Stop fetching periodically. A fetch under way ends within its time limit; it is not waited for."""
        self._closed.set()

    def get(self, key_id: str) -> RSAPublicKey:
        """Return the key with this id; for an unknown id, wait a moment for a fetch.

        Args:
            key_id: the `kid` of a token that is not verified yet, so unknown ids start at most one fetch in 30 s.

        Raises:
            UnknownKeyError: the key set was fetched since the id was first seen, and lacks it.
            KeysUnavailableError: there are no keys, or they lack the id and could not be refreshed yet; the token may
                be valid, so the sender must be asked to retry.
        """
        key = self._keys.get(key_id)
        if key is None:
            seen = self._first_seen(key_id)
            self._wait_for_refresh()
            key = self._keys.get(key_id)
            if key is None:
                raise UnknownKeyError if seen <= self._complete_as_of else self._unavailable()
        return key

    def holds(self, key_id: str, key: RSAPublicKey) -> bool:
        """Return whether this key, as `get` returned it, still has this id. Takes no lock and no network."""
        return self._keys.get(key_id) is key

    def _first_seen(self, key_id: str) -> float:
        with self._lock:
            seen = self._seen.setdefault(key_id, self._clock())
            if len(self._seen) > _MAX_SEEN:
                del self._seen[next(iter(self._seen))]
        return seen

    def _unavailable(self) -> KeysUnavailableError:
        if not self._keys:
            return KeysUnavailableError(
                "The signing keys could not be fetched, so this token can't be verified. Retry shortly."
            )
        rest = self._fetched_for_token_at + _COOL_DOWN - self._clock()
        return KeysUnavailableError(
            "This token's key is unknown, and the next fetch of the keys is not due yet. Retry after `Retry-After`.",
            retry_after=math.ceil(max(1.0, rest)),
        )

    def status(self) -> KeySetStatus:
        """Return the number of keys, their age in seconds, and why the last fetch failed."""
        with self._lock:
            age = None if self._fetched_at is None else self._clock() - self._fetched_at
            return KeySetStatus(len(self._keys), age, self._error)

    def _refresh_periodically(self, loop: Loop) -> None:
        while not self._closed.is_set():
            loop.begin()
            with self._lock:
                attempt = self._under_way() or self._launch()
            attempt.done.wait(_ABANDON_AFTER)
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
            attempt = self._under_way() or self._launch_after_cool_down()
        if attempt is not None:
            attempt.done.wait(self._patience)

    def _under_way(self) -> KeyFetch | None:
        return self._attempt if self._clock() - self._attempted_at < _ABANDON_AFTER else None

    def _launch_after_cool_down(self) -> KeyFetch | None:
        """Start a fetch on behalf of a token, unless the cool-down of an earlier one has not ended.

        Without keys a short cool-down counts from any fetch. With keys a longer one counts from the last fetch for a
        token only, so that keys rotated right after a scheduled fetch are found nevertheless.
        """
        now = self._clock()
        if not self._keys:
            return self._launch() if now - self._attempted_at >= _COOL_DOWN_WITHOUT_KEYS else None
        if now - self._fetched_for_token_at < _COOL_DOWN:
            return None
        self._fetched_for_token_at = now
        return self._launch()

    def _launch(self) -> KeyFetch:
        self._attempt = attempt = KeyFetch(self._metadata, self._time_limit, self._hosts, self._egress)
        self._attempted_at = self._clock()
        threading.Thread(
            target=self._run, args=(attempt, self._attempted_at), name="key-set-fetch", daemon=True
        ).start()
        return attempt

    def _run(self, attempt: KeyFetch, began: float) -> None:
        try:
            self._replace_keys(attempt.fetch(), began)
        except FETCH_FAILURES as error:
            reason = attempt.explain(error)
            if self._attempt is attempt:  # an abandoned one does not describe the present
                self._error = reason
            kept = "the last ones stay in use" if self._keys else "there are none yet, so callbacks get 503"
            logger.warning("The signing keys could not be fetched (%s); %s", reason, kept)
        except Exception as fault:  # noqa: BLE001 - raised again in the supervised loop
            attempt.fault = fault
            self._error = f"an unexpected {type(fault).__name__}, see the log"
        finally:
            with self._lock:
                if self._attempt is attempt:
                    self._attempt = None
            attempt.done.set()

    def _replace_keys(self, keys: Mapping[str, RSAPublicKey], began: float) -> None:
        with self._lock:
            new, gone = keys.keys() - self._keys.keys(), self._keys.keys() - keys.keys()
            # An unchanged key stays the same object, which `holds` compares.
            self._keys = {
                key_id: self._keys[key_id] if self._keys.get(key_id) == key else key
                for key_id, key in keys.items()
            }
            self._complete_as_of = began
            self._seen.update(dict.fromkeys(gone, began))  # withdrawn for certain: no further fetch is needed
            self._fetched_at = self._clock()
            self._error = None
        if new or gone:
            logger.info("The signing keys changed: %d keys, %d new, %d gone", len(keys), len(new), len(gone))
