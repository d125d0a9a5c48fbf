"""Sessions of the page: who has signed in with which API key.

The cookie holds 32 random bytes and nothing else. The store knows only their SHA-256, so that who can read
the store can't sign in; it leads to the SHA-256 of the API key, and counts as long as that key is in the settings.
No secret is ever compared: ids and keys are looked up by their hash, and nobody can feel his way along a hash by the
time that a look-up takes, since he can't choose its bytes.
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

LIFE: Final = 12 * 3600
"""Seconds from signing in to being signed out."""

_WITHIN_SECONDS: Final = 2.0
"""How long the store may take where no request waits for it."""

_ID: Final = re.compile(r"[\w-]{43}", re.ASCII)
"""What `secrets.token_urlsafe(32)` makes."""


class Sessions:
    """Begins, finds and ends sessions; every method raises StoreUnavailableError where the store doesn't answer.

    Args:
        store_client: the way to Redis.
        keys: the API keys of the settings.
        skipped: counts what cannot be read, and is taken for no session.
    """

    def __init__(self, store_client: StoreClient, keys: Iterable[APIKey], skipped: SkippedValues) -> None:
        self._store_client = store_client
        self._skipped = skipped
        self._keys = {key.sha256: key for key in keys}

    def begin(self, key: APIKey) -> str:
        """Begin a session with a key, and return the session's id."""
        session_id = secrets.token_urlsafe(32)
        self._call("SET", session_key(name_of(session_id)), key.sha256, "EX", LIFE, within=time_left())
        return session_id

    def key_of(self, session_id: str) -> APIKey | None:
        """Return the key that a session was begun with; None if there is no such session or key any more."""
        return self._key_of(name_of(session_id), time_left()) if _ID.fullmatch(session_id) else None

    def is_open(self, name: str) -> bool:
        """Return whether a session still counts, by the SHA-256 of its id; for what goes on after a request."""
        return self._key_of(name, _WITHIN_SECONDS) is not None

    def end(self, session_id: str) -> None:
        """End a session, if it is one, and with it the streams that were opened with it, in every process."""
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
    """Return the name by which the store knows a session: the SHA-256 of its id."""
    return hashlib.sha256(session_id.encode()).hexdigest()
