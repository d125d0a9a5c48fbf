"""Sessions of the page: each belongs to the API key that began it.

The cookie contains only 32 random bytes. The store has only their SHA-256, so that read access to the store is not
enough to sign in; it maps to the SHA-256 of the API key, and is valid as long as that key is in the settings. No secret
is ever compared: ids and keys are looked up by their hash, and an attacker cannot derive a hash from the time that a
look-up takes, since the bytes of a hash cannot be chosen.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Final

from receiver.store.keys import session_key
from receiver.store.scripts import END_SESSION
from receiver.store.skipped_values import SkippedValues
from receiver.store.transport.store_client import StoreClient
from receiver.trust.api_keys import APIKey
from receiver.web.middleware.request_context import time_left

SESSION_SECONDS: Final = 12 * 3600
"""Seconds from signing in until the session ends."""

_STREAM_SECONDS: Final = 2.0
"""Seconds that the store has when a stream checks its session, after its request."""

_ID: Final = re.compile(r"[\w-]{43}", re.ASCII)
"""The format of `secrets.token_urlsafe(32)`."""


class Sessions:
    """Begins, finds and ends sessions; every method raises StoreUnavailableError if the store does not answer.

    Args:
        store_client: sends commands to Redis.
        keys: the API keys of the settings.
        skipped: counts stored sessions that cannot be read; they count as ended.
    """

    def __init__(self, store_client: StoreClient, keys: Iterable[APIKey], skipped: SkippedValues) -> None:
        self._store_client = store_client
        self._skipped = skipped
        self._keys = {key.sha256: key for key in keys}

    def begin(self, key: APIKey) -> str:
        """Begin a session with a key, and return the session's id."""
        session_id = secrets.token_urlsafe(32)
        self._call(
            "SET", session_key(name_of(session_id)), key.sha256, "EX", SESSION_SECONDS, within=time_left()
        )
        return session_id

    def key_of(self, session_id: str) -> APIKey | None:
        """Return the key that began a session; None if the session has ended or the key was removed."""
        return self._key_of(name_of(session_id), time_left()) if _ID.fullmatch(session_id) else None

    def is_open(self, name: str) -> bool:
        """Return whether a session is still open, by the SHA-256 of its id; for streams, outside a request."""
        return self._key_of(name, _STREAM_SECONDS) is not None

    def end(self, session_id: str) -> None:
        """End a session, and the streams that were opened with it, in every process; ignore an unknown id."""
        if _ID.fullmatch(session_id):
            name = name_of(session_id)
            self._call(*END_SESSION.command([session_key(name)], name), within=time_left())

    def _key_of(self, name: str, within: float) -> APIKey | None:
        sha256 = self._call("GET", session_key(name), within=within)
        found = self._skipped.attempt("session", sha256.decode) if sha256 else None
        return self._keys.get(found) if found else None

    def _call(self, *command: str | int, within: float) -> bytes | None:
        reply: bytes | None
        [reply] = self._store_client.call([command], within=within)
        return reply


def name_of(session_id: str) -> str:
    """Return the name of a session in the store: the SHA-256 of its id."""
    return hashlib.sha256(session_id.encode()).hexdigest()
