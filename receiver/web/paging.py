"""Pages of a list: their query arguments, and the link to the next page (RFC 8288)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import urlencode

from flask import Response, request
from marshmallow import RAISE, Schema, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser

from receiver.errors import BadRequestError
from receiver.graph.resource_addresses import normalize_id
from receiver.store.reader import OperationFilter
from receiver.web.representation import json_response
from receiver.web.time_arguments import TimeArgument

MAX_LIMIT: Final = 200

ENTRY_ID: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")
"""An id of a Redis stream."""

RECORD_NUMBER: Final = re.compile(r"[1-9][0-9]{0,15}")
"""The number of an operation record."""

_CURSOR: Final = "Where the previous page ended: its `next`."
_WRONG_LIMIT: Final = f"Must be a whole number from 1 to {MAX_LIMIT}."
_WRONG_CURSOR: Final = "Must be the `next` of the previous page. Leave it out for the first page."
_WRONG_FLAG: Final = "Must be `true` or `false`."


class _PageQuery(Schema):
    class Meta:
        unknown = RAISE

    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(1, MAX_LIMIT, error=_WRONG_LIMIT),
        error_messages={"invalid": _WRONG_LIMIT},
        metadata={"description": "How many, at most."},
    )


def _only(description: str) -> fields.String:
    return fields.String(load_default="", metadata={"description": description})


class OperationPageQuery(_PageQuery):
    """The query arguments of a list of operations."""

    cursor = fields.Integer(
        validate=validate.Range(1, 1 << 53, error=_WRONG_CURSOR),
        error_messages={"invalid": _WRONG_CURSOR},
        metadata={"description": _CURSOR},
    )
    clientContext = _only("Only those of this client context.")
    callId = _only("Only those of this call.")
    status = _only("Only those of this status, in upper or lower case.")
    type = _only("Only those of this type, in upper or lower case.")
    tenantId = _only("Only those of this tenant.")
    since = TimeArgument(
        metadata={
            "description": "Only those first seen at this time or later (RFC 3339, with `Z` or an offset such as "
            "`+01:00`; its `+` may be encoded as `%2B`, but need not be)."
        }
    )
    overdue = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": _WRONG_FLAG},
        metadata={"description": "`true`: only those past due without a result; `false`: only the others."},
    )


class EntryPageQuery(_PageQuery):
    """The query arguments of a list of a stream's entries."""

    cursor = fields.String(
        validate=validate.Regexp(ENTRY_ID.pattern + r"\Z", error=_WRONG_CURSOR),
        metadata={"description": _CURSOR, "pattern": f"^{ENTRY_ID.pattern}$"},
    )


class QuarantinePageQuery(EntryPageQuery):
    """The query arguments of a list of the quarantine."""

    group = _only("Only the entries of this group, by its `id`.")


@dataclass(frozen=True, slots=True)
class OperationPage:
    """The page of operations that a request asks for."""

    chosen: OperationFilter
    limit: int
    cursor: int | None


@dataclass(frozen=True, slots=True)
class EntryPage:
    """The page of a stream's entries that a request asks for; only of one group, unless that is empty."""

    limit: int
    cursor: str | None
    group: str = ""


class _Parser(FlaskParser):
    DEFAULT_UNKNOWN_BY_LOCATION = {"query": RAISE}  # noqa: RUF012 - webargs' own form

    def handle_error(
        self,
        error: ValidationError,
        req: object,  # noqa: ARG002 - webargs' signature
        schema: Schema,
        **_: object,
    ) -> NoReturn:
        """Reject a request whose arguments are unknown or not valid; list them, with what would be valid."""
        known = f"Not an argument of this route. It takes {', '.join(f'`{name}`' for name in schema.fields)}."
        errors = {
            name: messages if name in schema.fields else [known]
            for name, messages in error.messages_dict["query"].items()
        }
        # The name of an unknown argument is the client's text, and stays out of `detail`.
        texts = [
            f"`{name}`: {' '.join(messages)}" for name, messages in errors.items() if name in schema.fields
        ]
        if len(texts) < len(errors):
            texts.append(f"Unknown query argument: {known}")
        raise BadRequestError(" ".join(texts), extensions={"errors": errors})


_parser: Final = _Parser()


def read_operation_page() -> OperationPage:
    """Read the query arguments of a list of operations.

    Raises:
        BadRequestError: an argument is not valid or unknown; `errors` lists each.
    """
    arguments: Mapping[str, Any] = _parser.parse(OperationPageQuery(), request, location="query")
    since = arguments.get("since")
    chosen = OperationFilter(
        client_context=arguments["clientContext"],
        call_id=normalize_id(arguments["callId"]),
        status=arguments["status"],
        type=arguments["type"],
        tenant_id=arguments["tenantId"].lower(),
        since=None if since is None else round(since.timestamp() * 1000),
        overdue=arguments.get("overdue"),
    )
    return OperationPage(chosen, arguments["limit"], arguments.get("cursor"))


def read_entry_page() -> EntryPage:
    """Read the query arguments of a list of a stream's entries.

    Raises:
        BadRequestError: an argument is not valid or unknown; `errors` lists each.
    """
    arguments: Mapping[str, Any] = _parser.parse(EntryPageQuery(), request, location="query")
    return EntryPage(arguments["limit"], arguments.get("cursor"))


def read_quarantine_page() -> EntryPage:
    """Read the query arguments of a list of the quarantine.

    Raises:
        BadRequestError: an argument is not valid or unknown; `errors` lists each.
    """
    arguments: Mapping[str, Any] = _parser.parse(QuarantinePageQuery(), request, location="query")
    return EntryPage(arguments["limit"], arguments.get("cursor"), arguments["group"])


def page_response(
    name: str, items: list[dict[str, object]], cursor: int | str | None, **more: object
) -> Response:
    """Make the response for a page: its items under a name, and where the next page begins, also as a link."""
    response = json_response({name: items, **more, "next": None if cursor is None else str(cursor)})
    if cursor is not None:
        query = urlencode({**request.args.to_dict(), "cursor": str(cursor)})
        response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response
