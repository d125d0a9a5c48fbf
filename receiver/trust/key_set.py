"""The signing keys behind an OpenID metadata document: fetched in the background, kept through outages.

Theory of operation: all keys stand in one mapping, which is replaced as a whole, so that looking up a known
key id takes no lock and no network. At most one attempt to fetch is under way at a time; it runs in a thread
of its own, and who needs its result waits for it, but only for a moment. A failed attempt changes nothing.

Knows nothing of tokens. Threads are `threading`'s, which gunicorn's gevent worker turns into greenlets.
"""

import contextlib
import http.client
import ipaddress
import json
import logging
import math
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from receiver.errors import KeysUnavailableError

logger = logging.getLogger(__name__)

MAX_DOCUMENT_BYTES: Final = 256 * 1024

_PERIOD: Final = 3600.0
_PATIENCE: Final = 1.5
_TIME_LIMIT: Final = 5.0
_SOCKET_TIMEOUT: Final = 3.0
_COOL_DOWN: Final = 30.0
_COOL_DOWN_WITHOUT_KEYS: Final = 1.0
_RETRY_WITHOUT_KEYS: Final = 5.0
_LOST_AFTER: Final = (
    20.0  # a hanging name server, or a TLS handshake that drips under gevent, can't be cut off
)
_KEY_BITS: Final = range(2048, 8192 + 1)  # OpenSSL takes long over larger keys, or refuses them


class UnknownKeyError(Exception):
    """The key set is known, and has no such key, not even after the refresh that was allowed."""


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
        clock: seconds, never going back; for cool-downs and ages.
        chance: a number from 0 to 1, to spread the hourly fetches of many processes.
        period: seconds between fetches, give or take a tenth.
        patience: seconds that a caller waits for a fetch.
        time_limit: seconds that a fetch may take; longer than a caller's patience, so that a provider that is
            merely slow still gets its keys to us.

    Raises:
        ValueError: the address is neither https nor on a loopback address.
    """

    def __init__(
        self,
        metadata_url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        period: float = _PERIOD,
        patience: float = _PATIENCE,
        time_limit: float = _TIME_LIMIT,
    ) -> None:
        self._metadata = urlsplit(metadata_url)
        if not _is_trustworthy(self._metadata):
            raise ValueError("the metadata address must be https, or http on a loopback address")
        self._clock = clock
        self._chance = chance
        self._period = period
        self._patience = patience
        self._time_limit = time_limit
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at: float | None = None
        self._error: str | None = None
        self._attempt: _Attempt | None = None
        self._attempted_at = -math.inf
        self._asked_at = -math.inf

    def start(self) -> None:
        """Fetch now, in the background, and then about hourly. Call it after the process has forked."""
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep_fresh, name="key-set", daemon=True)
            self._keeper.start()

    def close(self) -> None:
        """Fetch no more by itself. A fetch under way ends within its time limit, and nobody waits for it."""
        self._closed.set()

    def get(self, key_id: str) -> RSAPublicKey:
        """Return the key of this id; at worst wait a moment for a fetch.

        Args:
            key_id: the `kid` of a token; not yet to be believed, so it starts at most one fetch in 30 s.

        Raises:
            UnknownKeyError: the key set is known and lacks the id.
            KeysUnavailableError: there are no keys at all.
        """
        key = self._keys.get(key_id)
        if key is None:
            self._wait_for_refresh()
            key = self._keys.get(key_id)
        if key is not None:
            return key
        if not self._keys:
            raise KeysUnavailableError(
                "The signing keys could not be fetched, so no token can be judged. Try again shortly."
            )
        raise UnknownKeyError

    def status(self) -> KeySetStatus:
        """Tell how many keys there are, how old they are in seconds, and why the last attempt failed."""
        with self._lock:
            age = None if self._fetched_at is None else self._clock() - self._fetched_at
            return KeySetStatus(len(self._keys), age, self._error)

    def _keep_fresh(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                attempt = self._under_way() or self._launch()
            attempt.done.wait(_LOST_AFTER)
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

    def _under_way(self) -> "_Attempt | None":
        return self._attempt if self._clock() - self._attempted_at < _LOST_AFTER else None

    def _launch_if_cool(self) -> "_Attempt | None":
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

    def _launch(self) -> "_Attempt":
        self._attempt = attempt = _Attempt(self._metadata, self._time_limit)
        self._attempted_at = self._clock()
        threading.Thread(target=self._carry_out, args=(attempt,), name="key-set-fetch", daemon=True).start()
        return attempt

    def _carry_out(self, attempt: "_Attempt") -> None:
        try:
            self._keep(attempt.fetch())
        except _FAILURES as error:
            reason = attempt.explain(error)
            if self._attempt is attempt:  # one that was given up says nothing about the present
                self._error = reason
            kept = "the last good ones stay in use" if self._keys else "there are none yet"
            logger.warning("The signing keys could not be fetched (%s); %s", reason, kept)
        finally:
            with self._lock:
                if self._attempt is attempt:
                    self._attempt = None
            attempt.done.set()

    def _keep(self, keys: Mapping[str, RSAPublicKey]) -> None:
        with self._lock:
            new, gone = keys.keys() - self._keys.keys(), self._keys.keys() - keys.keys()
            self._keys = keys
            self._fetched_at = self._clock()
            self._error = None
        if new or gone:
            logger.info("The signing keys changed: %d keys, %d new, %d gone", len(keys), len(new), len(gone))


class _FetchError(Exception):
    """A document is not what it should be; the message holds nothing of it."""


_FAILURES: Final = (  # ValueError: JSON, addresses, key numbers; RecursionError: deeply nested JSON
    _FetchError,
    HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    RecursionError,
)


class _Attempt:
    """One attempt to read both documents, which ends when its time is up, whatever the server does.

    A socket's timeout bounds a single read, so a server that drips a byte a second could hold an attempt for
    hours. Therefore a timer shuts the socket, which wakes the read. Connections are used without a pool: no
    redirects, no retries, no proxies, and always the host of the metadata address, whatever a document says.
    """

    def __init__(self, metadata: SplitResult, time_limit: float) -> None:
        self.done = threading.Event()
        self._metadata = metadata
        self._time_limit = time_limit
        self._socket: socket.socket | None = None
        self._cut = False

    def fetch(self) -> dict[str, RSAPublicKey]:
        timer = threading.Timer(self._time_limit, self._cut_off)
        timer.daemon = True
        timer.start()
        try:
            key_set = self._key_set_address(self._read(self._metadata))
            return _usable_keys(self._read(key_set))
        finally:
            timer.cancel()

    def explain(self, error: BaseException) -> str:
        """Say what went wrong; of errors that are not ours only the kind, since they may quote anything."""
        if self._cut:
            return f"it took longer than {self._time_limit:g} s"
        return str(error) if isinstance(error, _FetchError) else type(error).__name__

    def _read(self, address: SplitResult) -> object:
        kind = HTTPSConnection if self._metadata.scheme == "https" else HTTPConnection
        connection = kind(self._metadata.hostname or "", self._metadata.port, timeout=_SOCKET_TIMEOUT)
        try:
            connection.connect()
            self._socket = connection.sock
            body = b"" if self._cut else _body(connection, address)
        finally:
            connection.close()
        if self._cut:  # a body that was cut off may look whole
            raise _FetchError
        return json.loads(body)

    def _key_set_address(self, metadata: object) -> SplitResult:
        url = metadata.get("jwks_uri") if isinstance(metadata, dict) else None
        if not isinstance(url, str):
            raise _FetchError("the metadata document has no jwks_uri")
        address = urlsplit(url)
        if _origin(address) != _origin(self._metadata):
            raise _FetchError("the jwks_uri is on another host than the metadata document")
        return address

    def _cut_off(self) -> None:
        self._cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may be closed by now
                # Not SSLSocket's own shutdown, which takes its state from under the read.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _body(connection: HTTPConnection, address: SplitResult) -> bytes:
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    headers = {"Accept": "application/json"}
    connection.request("GET", target, headers=headers, preload_content=False, decode_content=False)
    with contextlib.closing(connection.getresponse()) as response:
        if response.status != http.HTTPStatus.OK:
            raise _FetchError(f"the provider answered with status {response.status}")
        body = response.read(MAX_DOCUMENT_BYTES + 1)
    if len(body) > MAX_DOCUMENT_BYTES:
        raise _FetchError(f"a document is larger than {MAX_DOCUMENT_BYTES} bytes")
    return body


def _usable_keys(document: object) -> dict[str, RSAPublicKey]:
    """Pick the RSA keys for signatures out of a JSON Web Key Set (RFC 7517), whatever algorithm it names."""
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("kty") == "RSA" and entry.get("use") in (None, "sig"):
            key_id, key = entry.get("kid"), _public_key(entry.get("n"), entry.get("e"))
            if isinstance(key_id, str) and key is not None and key.key_size in _KEY_BITS:
                keys[key_id] = key
    if not keys:
        raise _FetchError("the key set has no usable key")
    return keys


def _public_key(modulus: object, exponent: object) -> RSAPublicKey | None:
    if not isinstance(modulus, str) or not isinstance(exponent, str):
        return None
    try:
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": modulus, "e": exponent})
    except (PyJWTError, ValueError):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def _is_trustworthy(address: SplitResult) -> bool:
    host = address.hostname
    if address.scheme != "http" or not host:
        return address.scheme == "https" and bool(host)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(address: SplitResult) -> tuple[str, str | None, int]:
    return address.scheme, address.hostname, address.port or (443 if address.scheme == "https" else 80)
