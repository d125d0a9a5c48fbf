"""clientState: the shared secret by which items of a change notification prove where they come from.

Chosen by whoever makes the subscription, echoed by Graph in every item (contract B). It is compared in
constant time, and every accepted value is tried, so that the time taken tells nothing.
"""

import hmac
from collections.abc import Sequence


def matches(given: object, accepted: Sequence[str]) -> bool:
    """Tell whether an item's clientState is one of the accepted ones.

    Args:
        given: the member as it stood in the JSON; anything but a text that is not empty matches nothing.
        accepted: the values from the settings; several at a time allow rotation, none accepts nothing.

    Source: Graph, change notifications, "process the change notification".
    """
    if not isinstance(given, str) or not given:
        return False
    found = False
    for value in accepted:
        found |= hmac.compare_digest(_bytes(given), _bytes(value))
    return found


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # JSON may hold half of a surrogate pair, which is no UTF-8
