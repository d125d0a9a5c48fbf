"""Parameters: the arguments of paths, by name, and the headers and query arguments that views read themselves."""

from typing import Final

from receiver.graph.schemas import MAX_CLIENT_CONTEXT
from receiver.web.live.long_poll import MAX_WAIT
from receiver.web.openapi.route_description import Parameter
from receiver.web.paging import ENTRY_ID, RECORD_NUMBER
from receiver.web.time_arguments import MAX_DEADLINE, MIN_DEADLINE

_CALL_ID: Final = "fa0f5238-af94-457b-8a7e-3cb57ee5af15"

PATH: Final[dict[str, Parameter]] = {
    "client_context": {
        "description": "The name that the caller gave the operation. Any text; percent-encode it, slashes too.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_CLIENT_CONTEXT},
        "example": "7ea89c5d-771b-4cbc-9922-a0ba00548069",
    },
    "call_id": {
        "description": "The call's id. A GUID may be written with dashes or without, in upper or lower case.",
        "schema": {"type": "string"},
        "example": _CALL_ID,
    },
    "operation_id": {
        "description": "The operation's id, written like a call's.",
        "schema": {"type": "string"},
        "example": "00fce55b-0cad-4b63-941d-c42f8e9eecbe",
    },
    "app_id": {
        "description": "The app id of the bot, where one receiver serves several.",
        "schema": {"type": "string"},
        "example": "11111111-2222-3333-4444-555555555555",
    },
    "entry_id": {
        "description": "The id of an item in quarantine; `GET /quarantine` lists them.",
        "schema": {"type": "string", "pattern": f"^{ENTRY_ID.pattern}$"},
        "example": "1795481861563-0",
    },
    "group_id": {
        "description": "The id of a group of the quarantine; `GET /quarantine` lists them.",
        "schema": {"type": "string"},
        "example": "5f2a8c01d37be946",
    },
    "number": {
        "description": "The number of the operation record.",
        "schema": {"type": "string", "pattern": f"^{RECORD_NUMBER.pattern}$"},
    },
    "kind": {
        "description": "The last part of a problem's `type`.",
        "schema": {"type": "string"},
        "example": "operation-not-found",
    },
    "guide": {
        "description": "The name of the guide; `/docs` lists them.",
        "schema": {"type": "string"},
        "example": "getting-started",
    },
    "given": {"description": "The version of the static files.", "schema": {"type": "string"}},
    "name": {"description": "The name of the file.", "schema": {"type": "string"}},
}

WAIT: Final[Parameter] = {
    "name": "wait",
    "in": "query",
    "description": "Seconds to wait for a result, or with `If-None-Match` for any change. To wait longer, ask again.",
    "schema": {"type": "integer", "minimum": 0, "maximum": MAX_WAIT},
    "example": 20,
}
PREFER: Final[Parameter] = {
    "name": "Prefer",
    "in": "header",
    "description": f"`wait=20` waits like `?wait=20` (RFC 7240), at most {MAX_WAIT} seconds; `?wait=` takes "
    "precedence.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH: Final[Parameter] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an earlier answer: while it is still that version, the answer is 304.",
    "schema": {"type": "string"},
}
IF_MATCH: Final[Parameter] = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` of an earlier answer, or `*`: unless it is still that version, the answer is 412 and "
    "nothing changes.",
    "schema": {"type": "string"},
}
UNLESS_MATCH: Final[Parameter] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "`*`, or an `ETag`: if there is any version, or this one, the answer is 412 and nothing changes.",
    "schema": {"type": "string"},
}
LAST_EVENT_ID: Final[Parameter] = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The `id` of the last event received: the stream continues after it, without a gap or a repeat.",
    "schema": {"type": "string"},
}
CALL_OF_OPERATION: Final[Parameter] = {
    "name": "callId",
    "in": "query",
    "description": "The call of the operation, which the response to the action does not contain.",
    "schema": {"type": "string"},
}
DEADLINE: Final[Parameter] = {
    "name": "deadline",
    "in": "query",
    "description": "Seconds from the first update of the operation until its result is due; after that it is overdue.",
    "schema": {"type": "integer", "minimum": MIN_DEADLINE, "maximum": MAX_DEADLINE},
    "example": 90,
}
VALIDATION_TOKEN: Final[Parameter] = {
    "name": "validationToken",
    "in": "query",
    "description": "A validation handshake: the answer is this text, and nothing is stored.",
    "schema": {"type": "string"},
}


def only(name: str, text: str) -> Parameter:
    """Make a query argument that filters by a text."""
    return {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
