"""`/quarantine`: what could not be read, and another try once it can."""

from typing import Final

import orjson
from flask import Blueprint, Response

from receiver.errors import (
    BadRequestError,
    InvalidEnvelopeError,
    QuarantineEntryNotFoundError,
    StillUnreadableError,
)
from receiver.graph.changes import read_changes
from receiver.graph.json import JSON, parse
from receiver.graph.notifications import read_notification
from receiver.graph.privacy import redact
from receiver.graph.updates import ChangeNotification, Unreadable
from receiver.store.reader import Reader, StreamEntry
from receiver.store.writer import News, Writer
from receiver.web import representation
from receiver.web.access import Gate
from receiver.web.context import time_left
from receiver.web.listing import ENTRY_ID, EntryPageQuery, page_answer, read_entry_page
from receiver.web.openapi import WRITE, Answer, describe
from receiver.web.openapi.answers import QuarantinePageSchema, ReplaySchema

_STREAM: Final = "quarantine"


def make_quarantine(reader: Reader, writer: Writer, gate: Gate) -> Blueprint:
    """Make the routes of the quarantine."""
    blueprint = Blueprint("quarantine", __name__)

    @blueprint.get("/quarantine")
    @describe(
        WRITE,
        {200: Answer("A page.", QuarantinePageSchema, sometimes=("Link",))},
        query=EntryPageQuery,
        problems=(BadRequestError,),
    )
    def list_entries() -> Response:
        """List what could not be read, newest first.

        Personal data is hidden.
        """
        gate.require("write")
        page = read_entry_page()
        entries, cursor = reader.entries(_STREAM, limit=page.limit, before=page.cursor)
        return page_answer("items", [_represent(entry) for entry in entries], cursor)

    @blueprint.post("/quarantine/<entry_id>/replay")
    @describe(
        WRITE,
        {200: Answer("It is read, kept as if it had come now, and no longer in quarantine.", ReplaySchema)},
        problems=(BadRequestError, QuarantineEntryNotFoundError, StillUnreadableError, InvalidEnvelopeError),
    )
    def replay(entry_id: str) -> Response:
        """Try an item again, once the receiver can read it."""
        gate.require("write")
        if not ENTRY_ID.fullmatch(entry_id):
            raise BadRequestError("An id looks like 1795000000000-0; GET /quarantine lists them.")
        entry = reader.entry(_STREAM, entry_id)
        if entry is None:
            raise QuarantineEntryNotFoundError("GET /quarantine lists those that there are.")
        news = _read_again(entry)
        outcomes = writer.keep(news, delivery=f"replay-{entry_id}", within=time_left())
        writer.release(entry_id, within=time_left())
        return representation.answer({"id": entry_id, "outcomes": outcomes})

    return blueprint


def _read_again(entry: StreamEntry) -> list[News]:
    """Read an item as if it came now.

    Raises:
        StillUnreadableError: it still can't be read.
        InvalidEnvelopeError: it is a whole body, and still no collection.
    """
    if entry.fields["isWhole"] != "yes":
        raise StillUnreadableError("It stays in quarantine: it was not kept whole, or it is not JSON.")
    item = parse(entry.fields["text"].encode())
    envelope: JSON = item if isinstance(item, dict) and "value" in item else {"value": [item]}
    news: list[News] = []
    if entry.fields["contract"] == "callback":
        notification = read_notification(envelope, entry.fields["tenantId"])
        news += [*notification.updates, *notification.unreadable]
    else:
        news += read_changes(envelope, lambda _: True)  # it was believed when it came
    for read in news:
        if isinstance(read, Unreadable):
            raise StillUnreadableError(f"It stays in quarantine: {read.reason}.")
        if isinstance(read, ChangeNotification) and read.encrypted:
            raise StillUnreadableError("It stays in quarantine: encrypted, and there is no decryption yet.")
    return news


def _represent(entry: StreamEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": representation.timestamp(entry.at),
        "reason": entry.fields["reason"],
        "contract": entry.fields["contract"],
        "tenantId": entry.fields["tenantId"] or None,
        "item": orjson.Fragment(redact(entry.fields["text"])),
    }
