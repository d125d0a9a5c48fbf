"""What is said of an item in quarantine: why it can't be read, what it is about, whether it ever can be.

Pure. An item is kept with a reason of a closed set, since the metrics count by it; people get a sentence. Nothing here
holds an id, a name or a number of the item.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from receiver.graph.json_codec import JSON
from receiver.graph.privacy import loggable
from receiver.graph.resource_addresses import shape
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
    "not of its type": "must be of the type that Graph documents",  # as 0.1.0 wrote it
}
"""By what marshmallow says of a member."""

_TOO_LONG: Final = re.compile(r"Longer than ([0-9]+) characters\.")
_OF_A_CALL_NOTIFICATION: Final = frozenset({"resource", "resourceUrl", "resourceData"})


@dataclass(frozen=True, slots=True)
class Summary:
    """What a quarantined item is about.

    Args:
        address: of the resource, with ids and names masked; empty where it names none.
        type: of the resource, without its namespace; empty where it names none.
        is_replayable: a later version, or another setting, may be able to read it.
    """

    address: str
    type: str
    is_replayable: bool


def summarize(item: JSON, contract: str, *, is_whole: bool) -> Summary:
    """Say what an item is about.

    Args:
        item: as it is kept.
        contract: where it came: `callback` or `notifications`.
        is_whole: nothing of it was cut off, and it was JSON.
    """
    if not isinstance(item, dict):
        return Summary("", "", is_replayable=False)
    address = item.get("resourceUrl") or item.get("resource")
    data = item.get("resourceData")
    resource = data[0] if isinstance(data, list) and data else data
    return Summary(
        shape(address) if isinstance(address, str) else "",
        loggable(type_name(resource)),
        is_whole and _is_of_its_contract(item, contract),
    )


def sentence(reason: str) -> str:
    """Say in one sentence, or one for each member, why an item can't be read."""
    if known := _SENTENCES.get(reason):
        return known
    if ": " not in reason:
        return f"It can't be read: {reason.removesuffix('.')}."
    return " ".join(_of_member(*part.partition(": ")[::2]) for part in reason.split("; "))


def _of_member(name: str, message: str) -> str:
    if too_long := _TOO_LONG.fullmatch(message):
        return f"The member `{name}` must have at most {too_long[1]} characters."
    expected = _EXPECTED.get(message)
    return f"The member `{name}` {expected}." if expected else f"The member `{name}`: {message}"


def _is_of_its_contract(item: dict[str, JSON], contract: str) -> bool:
    """Tell whether an object could be an item, or a whole body, of what is posted to the address it came to."""
    if "value" in item and isinstance(item["value"], list):
        return True
    if contract == "callback":
        return "subscriptionId" not in item and not _OF_A_CALL_NOTIFICATION.isdisjoint(item)
    return "subscriptionId" in item
