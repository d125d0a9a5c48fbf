"""A bounded LRU cache of verification results, keyed by a hash of the token.

The token itself, a secret, is not stored. Safe to share between threads.
"""

import contextlib
import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

_Fact = TypeVar("_Fact")


class TokenCache(Generic[_Fact]):
    """An LRU cache of what is known about tokens.

    Args:
        size: number of entries; the least recently used is dropped.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._facts: OrderedDict[bytes, _Fact] = OrderedDict()

    def get(self, token: str) -> _Fact | None:
        """Return what is known about a token; None where it is not in the cache."""
        digest = _digest(token)
        fact = self._facts.get(digest)
        if fact is not None:
            # No lock is needed, but another thread may just have dropped it.
            with contextlib.suppress(KeyError):
                self._facts.move_to_end(digest)
        return fact

    def put(self, token: str, fact: _Fact) -> None:
        """Store what is known about a token."""
        self._facts[_digest(token)] = fact
        if len(self._facts) > self._size:
            with contextlib.suppress(KeyError):
                self._facts.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
