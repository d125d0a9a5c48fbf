"""`/quarantine`: what could not be read, by groups of equal entries; another try once it can, or forgetting."""

import orjson
from flask import Blueprint, Response

from receiver.errors import (
    BadRequestError,
    InvalidEnvelopeError,
    QuarantineEntryNotFoundError,
    StillUnreadableError,
)
from receiver.graph.call_notifications import read_notification
from receiver.graph.change_notifications import read_changes
from receiver.graph.json_codec import JSON, parse
from receiver.graph.privacy import redact
from receiver.graph.quarantine_summary import explain_reason
from receiver.graph.updates import ChangeNotification, Unreadable
from receiver.store.quarantine_reader import QuarantineEntry, QuarantineGroup, QuarantineReader
from receiver.store.writer import Item, Writer
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.middleware.request_context import time_left
from receiver.web.openapi import WRITE, Answer, describe
from receiver.web.openapi.response_schemas import QuarantinePageSchema, ReplaySchema
from receiver.web.paging import ENTRY_ID, QuarantinePageQuery, page_answer, read_quarantine_page


def make_quarantine(quarantine: QuarantineReader, writer: Writer, authorizer: Authorizer) -> Blueprint:
    """Make the routes of the quarantine.

    Args:
        quarantine: what is in it.
        writer: keeps what is replayed, and drops entries.
        authorizer: checks the scope `write`.
    """
    blueprint = Blueprint("quarantine", __name__)

    @blueprint.get("/quarantine")
    @describe(
        WRITE,
        {200: Answer("A page.", QuarantinePageSchema, sometimes=("Link",))},
        query=QuarantinePageQuery,
        problems=(BadRequestError,),
    )
    def list_entries() -> Response:
        """List what could not be read, newest first.

        Beside the entries of the page, `groups` counts all entries, by the ids of their groups: those of one group have
        the same reason, type and masked address. Personal data, ids and secrets are hidden.
        """
        authorizer.require("write")
        page = read_quarantine_page()
        entries, cursor = quarantine.page(limit=page.limit, before=page.cursor, group=page.group)
        groups = {group.newest.group: represent_group(group) for group in quarantine.groups()}
        return page_answer("items", [represent_entry(entry) for entry in entries], cursor, groups=groups)

    @blueprint.post("/quarantine/<entry_id>/replay")
    @describe(
        WRITE,
        {200: Answer("It is read, kept as if it had come now, and no longer in quarantine.", ReplaySchema)},
        problems=(BadRequestError, QuarantineEntryNotFoundError, StillUnreadableError),
    )
    def replay(entry_id: str) -> Response:
        """Try an item again, once the receiver can read it."""
        authorizer.require("write")
        entry = quarantine.entry(_checked(entry_id))
        if entry is None:
            raise _unknown()
        items = _read_again(entry)
        outcomes = writer.store(items, notification_id=f"replay-{entry_id}", within=time_left())
        writer.release(entry_id, within=time_left())
        return representation.answer({"id": entry_id, "outcomes": outcomes})

    @blueprint.delete("/quarantine/<entry_id>")
    @describe(
        WRITE,
        {204: Answer("It is gone.")},
        problems=(BadRequestError, QuarantineEntryNotFoundError),
    )
    def forget(entry_id: str) -> Response:
        """Forget an entry of the quarantine, for good."""
        authorizer.require("write")
        if not writer.release(_checked(entry_id), within=time_left()):
            raise _unknown()
        return Response(status=204)

    @blueprint.delete("/quarantine/groups/<group_id>")
    @describe(
        WRITE,
        {204: Answer("All that were in it are gone.")},
        problems=(QuarantineEntryNotFoundError,),
    )
    def forget_group(group_id: str) -> Response:
        """Forget all entries of a group of the quarantine, for good."""
        authorizer.require("write")
        ids = quarantine.ids(group_id)
        if not ids or not writer.release(*ids, within=time_left()):
            raise _unknown()
        return Response(status=204)

    return blueprint


def represent_entry(entry: QuarantineEntry) -> dict[str, object]:
    """Represent an entry, without personal data, ids and secrets."""
    return {
        "id": entry.id,
        "at": representation.timestamp(entry.at),
        "group": entry.group,
        **_about(entry),
        "tenantId": entry.tenant_id or None,
        "item": orjson.Fragment(redact(entry.text)),
    }


def represent_group(group: QuarantineGroup) -> dict[str, object]:
    """Represent a group of equal entries."""
    return {
        **_about(group.newest),
        "count": group.count,
        "first": representation.timestamp(group.first),
        "last": representation.timestamp(group.newest.at),
    }


def _about(entry: QuarantineEntry) -> dict[str, object]:
    return {
        "reason": explain_reason(entry.reason),
        "contract": entry.contract,
        "address": entry.summary.address or None,
        "type": entry.summary.type or None,
        "replayable": entry.summary.is_replayable,
    }


def _checked(entry_id: str) -> str:
    if not ENTRY_ID.fullmatch(entry_id):
        raise BadRequestError("An id looks like 1795000000000-0; GET /quarantine lists them.")
    return entry_id


def _unknown() -> QuarantineEntryNotFoundError:
    return QuarantineEntryNotFoundError("GET /quarantine lists those that there are.")


def _read_again(entry: QuarantineEntry) -> list[Item]:
    """Read an item as if it came now.

    Raises:
        StillUnreadableError: it still can't be read.
    """
    if not entry.is_whole:
        raise _unreadable(entry.reason)
    item = parse(entry.text.encode())
    envelope: JSON = item if isinstance(item, dict) and "value" in item else {"value": [item]}
    items: list[Item] = []
    try:
        if entry.contract == "callback":
            notification = read_notification(envelope, entry.tenant_id)
            items += [*notification.updates, *notification.unreadable]
        else:
            items += read_changes(envelope, lambda _: True)  # it was believed when it came
    except InvalidEnvelopeError as error:
        raise _unreadable(error.detail) from None
    for read in items:
        if isinstance(read, Unreadable):
            raise _unreadable(read.reason)
        if isinstance(read, ChangeNotification) and read.encrypted:
            raise _unreadable(entry.reason)
    return items


def _unreadable(reason: str) -> StillUnreadableError:
    return StillUnreadableError(f"It stays in quarantine. {explain_reason(reason)}")
