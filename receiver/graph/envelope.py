"""The envelope of both contracts, and the quarantine entries of items that can't be parsed."""

import re
from typing import Final

from marshmallow import ValidationError

from receiver.errors import InvalidEnvelopeError, InvalidJSONError
from receiver.graph.json_codec import JSON, TooDeepError, dump, parse, prune
from receiver.graph.schema_loading import Loader
from receiver.graph.updates import Unreadable

_CLIENT_CONTEXT: Final = re.compile(r'"clientContext"\s*:\s*("[^"\\]*+(?:\\.[^"\\]*+)*")')


def read_envelope(loader: Loader, document: JSON) -> list[JSON]:
    """Return the items of an envelope, unchecked.

    Raises:
        InvalidEnvelopeError: the body is not an object with a list `value`.
    """
    if not isinstance(document, dict):
        raise InvalidEnvelopeError("Send a JSON object with a list `value`.")
    try:
        items: list[JSON] = loader.load(document)["value"]
    except ValidationError as error:
        if "value" in error.messages_dict:
            raise InvalidEnvelopeError("The object needs a list `value`.") from None
        items = document["value"]  # type: ignore[assignment] # the schema accepted it
    return items


def quarantine_item(item: JSON, reason: str, contract: str, tenant_id: str = "") -> Unreadable:
    """Return the quarantine entry of an item that can't be parsed."""
    is_whole = True
    try:
        text = dump(item)
    except TooDeepError:
        is_whole = False
        text = dump(prune(item))
    return Unreadable(reason, text, contract, tenant_id, _client_context(item), is_whole=is_whole)


def quarantine_body(body: bytes, reason: str, contract: str, tenant_id: str) -> Unreadable:
    """Return the quarantine entry of a body that was not parsed: its bytes as one JSON text."""
    text = body.decode("utf-8", "replace")
    return Unreadable(reason, dump(text), contract, tenant_id, _find_client_context(text), is_whole=False)


def _find_client_context(text: str) -> str:
    """Return the first client context in a JSON text, by which the entry can be deleted; empty if there is none."""
    for found in _CLIENT_CONTEXT.finditer(text):
        try:
            return str(parse(found[1].encode()))
        except InvalidJSONError:
            continue
    return ""


def _client_context(item: JSON) -> str:
    data = item.get("resourceData") if isinstance(item, dict) else None
    for resource in data if isinstance(data, list) else [data]:
        client_context = resource.get("clientContext") if isinstance(resource, dict) else None
        if isinstance(client_context, str):
            return client_context
    return ""
