"""Types of the fixtures that return functions."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from receiver.trust.callback_tokens import TokenVerifier
from receiver.trust.egress import Egress
from receiver.trust.key_set import KeySet
from tests.support.key_provider import Peer

MakePeer = Callable[..., Peer]
MakeVerifier = Callable[..., TokenVerifier]
MakeToken = Callable[..., str]
Refusal = Callable[[str], str]
Renew = Callable[..., None]


class Comparisons(Protocol):
    def __call__(self, *, alike: bool) -> Sequence[tuple[object, object]]: ...


class MakeKeySet(Protocol):
    def __call__(self, peer: Peer, **options: Any) -> KeySet: ...


class FetchKeys(Protocol):
    def __call__(self, egress: Egress, **options: Any) -> tuple[str | None, bool]: ...
