"""The bodies of requests. Those of Graph are described by the schemas that parse them."""

from typing import Final

from marshmallow import Schema, fields

from receiver.errors import InvalidEnvelopeError, InvalidOperationError
from receiver.graph.schemas import (
    OPERATION_SCHEMAS,
    CallSchema,
    ChangeNotificationCollectionSchema,
    ChangeNotificationSchema,
    CommsNotificationSchema,
    CommsNotificationsSchema,
    CommsOperationSchema,
    DeltaParticipantsSchema,
    ParticipantSchema,
)
from receiver.web.openapi.route_description import BODY_PROBLEMS, Body

RESOURCES: Final[tuple[type[Schema], ...]] = (
    *dict.fromkeys(OPERATION_SCHEMAS.values()),
    CallSchema,
    ParticipantSchema,
    DeltaParticipantsSchema,
)
"""The resources that a call notification may hold."""

_REFERENCES: Final = [
    {"$ref": f"#/components/schemas/{schema.__name__.removesuffix('Schema')}"} for schema in RESOURCES
]


class CallNotificationSchema(CommsNotificationSchema):
    resourceData = fields.Raw(
        metadata={
            "description": "An operation of any type, a call, or a list of them or of participants.",
            "anyOf": [*_REFERENCES, {"type": "array", "items": {"anyOf": _REFERENCES}}, {"type": "null"}],
        }
    )


class CallNotificationsSchema(CommsNotificationsSchema):
    value = fields.List(fields.Nested(CallNotificationSchema), required=True)


class ChangeNotificationsSchema(ChangeNotificationCollectionSchema):
    value = fields.List(fields.Nested(ChangeNotificationSchema), required=True)


class SignInSchema(Schema):
    key = fields.String(required=True, metadata={"description": "An API key."})
    then = fields.String(metadata={"description": "The path of the receiver to open after signing in."})


CALL_NOTIFICATIONS: Final = Body(
    "Graph's notifications. An item that cannot be parsed goes to quarantine, and the others are stored. An empty body "
    "is accepted and ignored.",
    CallNotificationsSchema,
    required=False,
    problems=(*BODY_PROBLEMS, InvalidEnvelopeError),
)
CHANGE_NOTIFICATIONS: Final = Body(
    "Graph's notifications. An item with an unknown `clientState` is ignored, one that cannot be parsed goes to "
    "quarantine.",
    ChangeNotificationsSchema,
    required=False,
    problems=(*BODY_PROBLEMS, InvalidEnvelopeError),
)
OPERATION: Final = Body(
    "The HTTP response of the action that started the operation, of whatever type, as it came. With no body, or "
    "`{}`, the receiver records only that there is an operation.",
    CommsOperationSchema,
    required=False,
    problems=(*BODY_PROBLEMS, InvalidOperationError),
)
SIGN_IN: Final = Body(
    "The form of the page.", SignInSchema, media_type="application/x-www-form-urlencoded", problems=()
)
