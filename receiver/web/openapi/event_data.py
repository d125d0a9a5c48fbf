"""The data of the stream's events, by type, as `receiver.web.live.event_frames` writes them."""

from typing import Final

from marshmallow import RAISE, Schema, fields

from receiver.web.openapi.response_schemas import (
    AnswerSchema,
    CallRecordSchema,
    NotificationRecordSchema,
    OperationRecordSchema,
)


class CallEventSchema(CallRecordSchema):
    """A call without its operations, which have events of their own."""

    class Meta:  # noqa: D106 - marshmallow's options
        unknown = RAISE
        exclude = ("operations",)


class ResetEventSchema(AnswerSchema):
    """Events were missed: the newest operations follow; read everything else again."""

    reason = fields.String(required=True, metadata={"description": "Why events were missed."})


class BookmarkEventSchema(AnswerSchema):
    """Nothing has changed: the event only has an `id` to resume from."""


EVENTS: Final[dict[str, type[Schema]]] = {
    "operation": OperationRecordSchema,
    "call": CallEventSchema,
    "change": NotificationRecordSchema,
    "reset": ResetEventSchema,
    "bookmark": BookmarkEventSchema,
}
"""The data of each type of event of the stream."""
