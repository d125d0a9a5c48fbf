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

from receiver.store.keys import PREFIX
from receiver.store.link import Link
from receiver.store.skipping import Skips
from receiver.trust.api_keys import APIKey
from receiver.web.context import time_left

LIFE: Final = 12 * 3600
"""Seconds from signing in to being signed out."""

_ID: Final = re.compile(r"[\w-]{43}", re.ASCII)
"""What `secrets.token_urlsafe(32)` makes."""


class Sessions:
    """Begins, finds and ends sessions; every method raises StoreUnavailableError where the store doesn't answer.

    Args:
        link: the way to Redis.
        keys: the API keys of the settings.
        skips: counts what cannot be read, and is taken for no session.
    """

    def __init__(self, link: Link, keys: Iterable[APIKey], skips: Skips) -> None:
        self._link = link
        self._skips = skips
        self._keys = {key.sha256: key for key in keys}

    def begin(self, key: APIKey) -> str:
        """Begin a session with a key, and return the session's id."""
        session_id = secrets.token_urlsafe(32)
        self._call("SET", _key(session_id), key.sha256, "EX", LIFE)
        return session_id

    def key_of(self, session_id: str) -> APIKey | None:
        """Return the key that a session was begun with; None if there is no such session or key any more."""
        if not _ID.fullmatch(session_id):
            return None
        sha256: bytes | None = self._call("GET", _key(session_id))
        name = self._skips.attempt("session", sha256.decode) if sha256 else None
        return self._keys.get(name) if name else None

    def end(self, session_id: str) -> None:
        """End a session, if it is one."""
        if _ID.fullmatch(session_id):
            self._call("DEL", _key(session_id))

    def _call(self, *command: str | int) -> bytes | None:
        reply: bytes | None
        [reply] = self._link.call([command], within=time_left())
        return reply


def _key(session_id: str) -> str:
    return f"{PREFIX}session:{hashlib.sha256(session_id.encode()).hexdigest()}"
