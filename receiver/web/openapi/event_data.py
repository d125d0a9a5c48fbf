"""The data of the events of the stream, by their type: what `receiver.web.endpoints.event_routes` writes."""

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
    """Events were missed: the newest operations follow, and what else is kept of the past has to be read again."""

    reason = fields.String(required=True, metadata={"description": "Why."})


class BookmarkEventSchema(AnswerSchema):
    """Nothing has changed; the event has an `id` to go on from."""


EVENTS: Final[dict[str, type[Schema]]] = {
    "operation": OperationRecordSchema,
    "call": CallEventSchema,
    "change": NotificationRecordSchema,
    "reset": ResetEventSchema,
    "bookmark": BookmarkEventSchema,
}
"""The data of each type of event of the stream."""
