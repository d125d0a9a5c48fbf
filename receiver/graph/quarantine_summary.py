"""Summaries of quarantined items: why an item can't be parsed, what it is about, whether it can be replayed.

Pure. An item is stored with a reason of a closed set, which is also a label of a metric; people get the sentence made
from it here. Nothing contains an id, a name or a number of the item.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from receiver.graph.json_codec import JSON
from receiver.graph.privacy import loggable
from receiver.graph.resource_addresses import mask_address
from receiver.graph.resources import type_name

_SENTENCES: Final[Mapping[str, str]] = {
    "an item that is no object": "Each item of the list `value` must be a JSON object; this one is not.",
    "a change notification; its subscription should post to /notifications": "It is a change notification, and came "
    "to `/callback`. The `notificationUrl` of its subscription must end with `/notifications`.",
    "a resource that is no object": "Each resource in `resourceData` must be a JSON object; one is not.",
    "a participant that is no object": "Each participant in `resourceData` must be a JSON object; one is not.",
    "a roster of no call": "The address of a roster must name the call; this one does not.",
    "a delta of a roster without a list of participants": "A `deltaParticipants` must have a list `participants`; "
    "this one has none.",
    "a participant's notification of no call": "Neither the address nor the members name the participant's call.",
    "a call without an id": "Neither the address nor the member `id` names the call.",
    "neither its type nor its address says what it is": "Neither `@odata.type` nor the address says what the "
    "resource is.",
    "an operation with neither a client context nor a call": "An operation needs a `clientContext`, or an address "
    "that names its call; this one has neither.",
    "nested more than 100 levels deep": "It is nested more than 100 levels deep, and what is deeper was cut off.",
    "encrypted, and there is no decryption yet": "Its content is encrypted (`encryptedContent`), and this version "
    "can't decrypt it.",
    "Send a JSON object with a list `value`.": "The body must be a JSON object with a list `value`; this is not one.",
    "The object needs a list `value`.": "The body must be a JSON object with a list `value`; it has no such list.",
    "a body that is not JSON": "The body is not JSON. Its first 64 KiB are kept.",
    "a body over the size limit": "The body is larger than RECEIVER_MAX_BODY_BYTES. Its first 64 KiB are kept.",
    "a body of another media type or encoding": "The body must be `application/json` without `Content-Encoding`; "
    "it is not. Its first 64 KiB are kept.",
}

_EXPECTED: Final[Mapping[str, str]] = {
    "Not a valid string.": "must be a string",
    "Not a valid boolean.": "must be true or false",
    "Not a valid list.": "must be a list",
    "Not a valid mapping type.": "must be an object",
    "Invalid input type.": "must be an object",
    "Not a whole number.": "must be a whole number",
    "Missing data for required field.": "is missing",
    "Field may not be null.": "must not be null",
    "not of its type": "must be of the type that Graph documents",  # written by 0.1.0
}
"""What is expected of a member, by the message of marshmallow."""

_TOO_LONG: Final = re.compile(r"Longer than ([0-9]+) characters\.")
_OF_A_CALL_NOTIFICATION: Final = frozenset({"resource", "resourceUrl", "resourceData"})


@dataclass(frozen=True, slots=True)
class Summary:
    """Description of a quarantined item.

    Args:
        address: the resource's address with ids and names masked; empty where it has none.
        type: the resource's type without its namespace; empty where it has none.
        is_replayable: a later version, or another setting, may be able to parse it.
    """

    address: str
    type: str
    is_replayable: bool


def summarize(item: JSON, contract: str, *, is_whole: bool) -> Summary:
    """Return the description of a quarantined item.

    Args:
        item: the stored item.
        contract: the route that received it: `callback` or `notifications`.
        is_whole: it was JSON, and nothing was cut off.
    """
    if not isinstance(item, dict):
        return Summary("", "", is_replayable=False)
    address = item.get("resourceUrl") or item.get("resource")
    data = item.get("resourceData")
    resource = data[0] if isinstance(data, list) and data else data
    return Summary(
        mask_address(address) if isinstance(address, str) else "",
        loggable(type_name(resource)),
        is_whole and _is_of_its_contract(item, contract),
    )


def explain_reason(reason: str) -> str:
    """Return in one sentence, or one for each member, why an item can't be parsed."""
    if known := _SENTENCES.get(reason):
        return known
    if ": " not in reason:
        return f"It can't be read: {reason.removesuffix('.')}."
    return " ".join(_explain_member(*part.partition(": ")[::2]) for part in reason.split("; "))


def _explain_member(name: str, message: str) -> str:
    if too_long := _TOO_LONG.fullmatch(message):
        return f"The member `{name}` must have at most {too_long[1]} characters."
    expected = _EXPECTED.get(message)
    return f"The member `{name}` {expected}." if expected else f"The member `{name}`: {message}"


def _is_of_its_contract(item: dict[str, JSON], contract: str) -> bool:
    """Return whether an object may be an item, or a whole body, of the contract by which it was received."""
    if "value" in item and isinstance(item["value"], list):
        return True
    if contract == "callback":
        return "subscriptionId" not in item and not _OF_A_CALL_NOTIFICATION.isdisjoint(item)
    return "subscriptionId" in item
