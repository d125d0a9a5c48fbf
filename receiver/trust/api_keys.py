"""API keys: the clients' keys and their scopes.

A key is 32 random bytes, so a plain SHA-256 of it is enough; the settings hold only the hash.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from receiver.errors import InsufficientScopeError, InvalidAPIKeyError, NotConfiguredError

SCOPES: Final = frozenset({"read", "write", "secrets"})
"""The scopes that a key may have."""

_HASH_LENGTH: Final = hashlib.sha256().digest_size * 2


@dataclass(frozen=True, slots=True)
class APIKey:
    """An API key: its name, its scopes, and the SHA-256 of the key in lower-case hex."""

    name: str
    scopes: frozenset[str]
    sha256: str

    @classmethod
    def parse(cls, entry: str) -> "APIKey":
        """Parse `name:scope+scope:sha256-hex`.

        Raises:
            ValueError: the entry has another shape; the message says which part is wrong, without the hash.
        """
        parts = entry.strip().split(":")
        if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - the three parts that the docstring names
            raise ValueError("an entry is name:scope+scope:sha256-hex-of-the-key")
        name, scopes, sha256 = parts
        unknown = set(scopes.split("+")) - SCOPES
        if unknown:
            raise ValueError(f"the scopes are {', '.join(sorted(SCOPES))}; the key {name!r} has another")
        if len(sha256) != _HASH_LENGTH or not all(digit in "0123456789abcdef" for digit in sha256.lower()):
            raise ValueError(f"the key {name!r} needs the SHA-256 of the key, {_HASH_LENGTH} hex digits")
        return cls(name, frozenset(scopes.split("+")), sha256.lower())

    @classmethod
    def generate(cls, name: str, scopes: Iterable[str]) -> tuple[str, "APIKey"]:
        """Generate a key; return the key itself, which is not stored anywhere, and its entry."""
        key = secrets.token_urlsafe(32)
        return key, cls.of(key, name, scopes)

    @classmethod
    def of(cls, key: str, name: str, scopes: Iterable[str]) -> "APIKey":
        """Return the entry of an existing key."""
        return cls(name, frozenset(scopes), _sha256(key))

    @property
    def entry(self) -> str:
        """The key as written in `RECEIVER_API_KEYS`."""
        return f"{self.name}:{'+'.join(sorted(self.scopes))}:{self.sha256}"


class APIKeyRing:
    """The accepted API keys; several at a time allow rotation."""

    def __init__(self, keys: Iterable[APIKey]) -> None:
        self._keys = tuple(keys)

    def authorize(self, authorization: str | None, scope: str) -> APIKey:
        """Return the key of an `Authorization: Bearer` header, provided that it has the scope.

        Raises:
            NotConfiguredError: no key is configured.
            InvalidAPIKeyError: the header has no bearer key, or an unknown one.
            InsufficientScopeError: the key is known and lacks the scope.
        """
        if not self._keys:
            raise NotConfiguredError(
                "No API key is configured, so every request is refused. "
                "Make one with `receiver keys` and set RECEIVER_API_KEYS."
            )
        key = _bearer(authorization)
        if not key:
            raise InvalidAPIKeyError("Send a key as `Authorization: Bearer <key>`.")
        found = self._find(_sha256(key))
        if found is None:
            raise InvalidAPIKeyError("This API key is unknown. Use one whose hash is in RECEIVER_API_KEYS.")
        if scope not in found.scopes:
            raise InsufficientScopeError(scope)
        return found

    def find(self, authorization: str | None) -> APIKey | None:
        """Return the key of an `Authorization: Bearer` header; None where it is missing or unknown."""
        key = _bearer(authorization)
        return self._find(_sha256(key)) if key else None

    def _find(self, sha256: str) -> APIKey | None:
        found = None
        for key in self._keys:  # all of them, so that the time does not reveal which one matched
            if hmac.compare_digest(key.sha256, sha256):
                found = key
        return found


def _bearer(authorization: str | None) -> str:
    """Return the key in a header; empty where there is none."""
    method, _, key = (authorization or "").partition(" ")
    return key.strip() if method.lower() == "bearer" else ""


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
