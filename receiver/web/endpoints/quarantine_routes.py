"""`/quarantine`: the items that could not be read, by groups of equal entries; replay and deletion."""

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
from receiver.web.paging import ENTRY_ID, QuarantinePageQuery, page_response, read_quarantine_page


class QuarantineRoutes:
    """The routes of the quarantine.

    Args:
        quarantine: reads entries and groups.
        writer: stores replayed items, and deletes entries.
        authorizer: checks the scopes of requests.
    """

    def __init__(self, quarantine: QuarantineReader, writer: Writer, authorizer: Authorizer) -> None:
        self._quarantine = quarantine
        self._writer = writer
        self._authorizer = authorizer

    def blueprint(self) -> Blueprint:
        """Return the blueprint with these routes."""
        blueprint = Blueprint("quarantine", __name__)
        blueprint.get("/quarantine")(self.list_page)
        blueprint.post("/quarantine/<entry_id>/replay")(self.replay)
        blueprint.delete("/quarantine/<entry_id>")(self.delete)
        blueprint.delete("/quarantine/groups/<group_id>")(self.delete_group)
        return blueprint

    @describe(
        WRITE,
        {200: Answer("A page.", QuarantinePageSchema, sometimes=("Link",))},
        query=QuarantinePageQuery,
        problems=(BadRequestError,),
    )
    def list_page(self) -> Response:
        """List the items that could not be read, newest first.

        Beside the entries of the page, `groups` counts all entries, by the ids of their groups: those of one group have
        the same reason, type and masked address. Personal data, ids and secrets are hidden.
        """
        self._authorizer.require("write")
        query = read_quarantine_page()
        entries, cursor = self._quarantine.page(limit=query.limit, before=query.cursor, group=query.group)
        groups = {group.newest.group: represent_group(group) for group in self._quarantine.groups()}
        return page_response("items", [represent_entry(entry) for entry in entries], cursor, groups=groups)

    @describe(
        WRITE,
        {
            200: Answer(
                "The item is read, merged as if it had arrived now, and no longer in quarantine.",
                ReplaySchema,
            )
        },
        problems=(BadRequestError, QuarantineEntryNotFoundError, StillUnreadableError),
    )
    def replay(self, entry_id: str) -> Response:
        """Replay an item, once the receiver can read it."""
        self._authorizer.require("write")
        entry = self._quarantine.entry(_valid_id(entry_id))
        if entry is None:
            raise _not_found()
        items = _read_again(entry)
        outcomes = self._writer.store(items, notification_id=f"replay-{entry_id}", within=time_left())
        self._writer.release(entry_id, within=time_left())
        return representation.json_response({"id": entry_id, "outcomes": outcomes})

    @describe(
        WRITE,
        {204: Answer("The entry is deleted.")},
        problems=(BadRequestError, QuarantineEntryNotFoundError),
    )
    def delete(self, entry_id: str) -> Response:
        """Delete an entry of the quarantine, for good."""
        self._authorizer.require("write")
        if not self._writer.release(_valid_id(entry_id), within=time_left()):
            raise _not_found()
        return Response(status=204)

    @describe(
        WRITE,
        {204: Answer("All entries of the group are deleted.")},
        problems=(QuarantineEntryNotFoundError,),
    )
    def delete_group(self, group_id: str) -> Response:
        """Delete all entries of a group of the quarantine, for good."""
        self._authorizer.require("write")
        ids = self._quarantine.ids(group_id)
        if not ids or not self._writer.release(*ids, within=time_left()):
            raise _not_found()
        return Response(status=204)


def represent_entry(entry: QuarantineEntry) -> dict[str, object]:
    """Represent an entry, without personal data, ids and secrets."""
    return {
        "id": entry.id,
        "at": representation.timestamp(entry.at),
        "group": entry.group,
        **_common_members(entry),
        "tenantId": entry.tenant_id or None,
        "item": orjson.Fragment(redact(entry.text)),
    }


def represent_group(group: QuarantineGroup) -> dict[str, object]:
    """Represent a group of equal entries."""
    return {
        **_common_members(group.newest),
        "count": group.count,
        "first": representation.timestamp(group.first),
        "last": representation.timestamp(group.newest.at),
    }


def _common_members(entry: QuarantineEntry) -> dict[str, object]:
    return {
        "reason": explain_reason(entry.reason),
        "contract": entry.contract,
        "address": entry.summary.address or None,
        "type": entry.summary.type or None,
        "replayable": entry.summary.is_replayable,
    }


def _valid_id(entry_id: str) -> str:
    if not ENTRY_ID.fullmatch(entry_id):
        raise BadRequestError("An id looks like 1795000000000-0; GET /quarantine lists them.")
    return entry_id


def _not_found() -> QuarantineEntryNotFoundError:
    return QuarantineEntryNotFoundError("GET /quarantine lists the entries.")


def _read_again(entry: QuarantineEntry) -> list[Item]:
    """Read an item as if it had arrived now.

    Raises:
        StillUnreadableError: it still cannot be read.
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
            items += read_changes(envelope, lambda _: True)  # its clientState was checked when it arrived
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
