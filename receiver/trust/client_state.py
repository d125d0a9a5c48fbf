"""clientState: the shared secret that authenticates the items of a change notification.

The client that creates the subscription chooses it, and Graph echoes it in every item (contract B). It is compared in
constant time with every accepted value, so that the time reveals nothing.
"""

import hmac
from collections.abc import Sequence


def matches(given: object, accepted: Sequence[str]) -> bool:
    """Return whether an item's clientState is one of the accepted ones.

    Args:
        given: the member as parsed from the JSON; only a non-empty text can match.
        accepted: the values from the settings; several at a time allow rotation, with none nothing matches.

    Source: Graph, change notifications, "process the change notification".
    """
    if not isinstance(given, str) or not given:
        return False
    found = False
    for value in accepted:
        found |= hmac.compare_digest(_bytes(given), _bytes(value))
    return found


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # JSON may hold half of a surrogate pair, which UTF-8 lacks
