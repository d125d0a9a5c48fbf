"""What was found out about tokens, by a hash of each: the token itself, which is a secret, is not kept.

Only so many are kept; the least used are dropped first. Safe to share between threads.
"""

import contextlib
import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

_Fact = TypeVar("_Fact")


class TokenCache(Generic[_Fact]):
    """Facts about tokens.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._facts: OrderedDict[bytes, _Fact] = OrderedDict()

    def get(self, token: str) -> _Fact | None:
        """Return what was found out about a token; None where that is nothing, or was dropped."""
        digest = _digest(token)
        fact = self._facts.get(digest)
        if fact is not None:
            # No lock is needed, but another thread may have dropped it just now.
            with contextlib.suppress(KeyError):
                self._facts.move_to_end(digest)
        return fact

    def put(self, token: str, fact: _Fact) -> None:
        """Keep what was found out about a token."""
        self._facts[_digest(token)] = fact
        if len(self._facts) > self._size:
            with contextlib.suppress(KeyError):
                self._facts.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
