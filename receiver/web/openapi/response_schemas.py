"""The marshmallow schemas of answers: they document what `receiver.web.representation` makes, and load nothing.

Each names every member; the tests compare the real answers with them. Graph's own part of an answer stays open: a
member that does not fit Graph's type is returned as Graph sent it.
"""

from typing import Any, Final

from marshmallow import INCLUDE, RAISE, Schema, fields

from receiver.graph.schemas import CommsOperationSchema, GraphSchema
from receiver.store.limits import MAX_PARTICIPANT_NOTIFICATIONS, MAX_TONES

_NULLABLE: Final[dict[str, Any]] = {"required": True, "allow_none": True}


class AnswerSchema(Schema):
    """An object that has no other members than those named."""

    class Meta:
        unknown = RAISE


def _text(description: str) -> fields.String:
    return fields.String(required=True, metadata={"description": description})


def _perhaps(description: str) -> fields.String:
    return fields.String(**_NULLABLE, metadata={"description": description})


def _number(description: str, **options: Any) -> fields.Integer:
    return fields.Integer(
        **{"required": True, **options}, metadata={"description": description, "minimum": 0}
    )


def _flag(description: str) -> fields.Boolean:
    return fields.Boolean(required=True, metadata={"description": description})


def _time(description: str) -> fields.AwareDateTime:
    return fields.AwareDateTime(required=True, metadata={"description": description})


def _objects(description: str, **options: Any) -> "fields.List[dict[str, Any]]":
    return fields.List(fields.Dict(keys=fields.String()), **options, metadata={"description": description})


def _next() -> fields.String:
    return _perhaps("The `cursor` of the next page; null on the last one.")


class StatusTimeSchema(AnswerSchema):
    status = _text("A status, as Graph names it.")
    at = _time("When it was first seen.")


class StateTimeSchema(AnswerSchema):
    state = _text("A state, as Graph names it.")
    at = _time("When it was first seen.")


class ConflictSchema(AnswerSchema):
    status = _text("The status of the second result.")
    at = _time("When it was received.")
    operation = fields.Nested(
        CommsOperationSchema, required=True, metadata={"description": "The second result."}
    )


class ResultSchema(AnswerSchema):
    code = fields.Integer(**_NULLABLE, metadata={"description": "Graph's code; null where it sent none."})
    subcode = fields.Integer(
        **_NULLABLE, metadata={"description": "Graph's subcode; null where it sent none."}
    )
    text = _text("The result in words. New ones may appear: branch on `status`, `code` and `subcode`.")


class OperationRecordSchema(AnswerSchema):
    clientContext = _perhaps(
        "The name that the caller gave the operation; null where Graph does not send it."
    )
    callId = _perhaps("The call.")
    operationId = _perhaps("Graph's own id of the operation.")
    tenantId = _perhaps("The tenant of the signed notification.")
    type = _perhaps("Graph's type: `inviteParticipantsOperation`, for example. New ones may appear.")
    status = _perhaps("`notStarted`, `running`, `completed`, `failed`, or another that Graph may send.")
    done = _flag("It has its result: `completed` or `failed`.")
    overdue = _flag("Its result is past due. A result that is still received ends this.")
    due = fields.AwareDateTime(
        **_NULLABLE, metadata={"description": "When its result is due; null once it is done."}
    )
    operation = fields.Nested(
        CommsOperationSchema,
        required=True,
        metadata={
            "description": "The operation as Graph sent it, all updates merged. Secrets need the scope `secrets`."
        },
    )
    result = fields.Nested(
        ResultSchema,
        **_NULLABLE,
        metadata={"description": "The result in short; null while it is not `done`."},
    )
    timeline = fields.List(fields.Nested(StatusTimeSchema), required=True)
    firstSeen = _time("When the first update was received.")
    updated = _time("When it last changed.")
    revision = _number("How often it has changed: by an update, by a new deadline, by becoming overdue.")
    notifications = _number("How many notifications were received, duplicates included.")
    duplicates = _number("How many of them changed nothing.")
    conflict = fields.Nested(
        ConflictSchema,
        **_NULLABLE,
        metadata={"description": "A second, different result; the first one stands."},
    )
    others = _number(
        "How many other operations have the same client context; only in the answer for one client context.",
        required=False,
    )


class OperationPageSchema(AnswerSchema):
    operations = fields.List(fields.Nested(OperationRecordSchema), required=True)
    next = _next()


class RegistrationSchema(AnswerSchema):
    """The answer to a registration by a key without the scope `read`."""

    clientContext = _text("The name that the caller gave the operation.")
    status = _perhaps("Its status.")
    done = _flag("It has its result.")


class CallAsMergedSchema(GraphSchema):
    id = _text("The call.")
    state = _perhaps("Its state.")


class CallRecordSchema(Schema):
    """A call. Before a notification of the call itself, it has only its id, a null `state` and its operations."""

    callId = _text("The call.")
    state = _perhaps("`incoming`, `established`, `terminated`, or another that Graph may send.")
    operations = fields.List(fields.Nested(OperationRecordSchema), required=True)
    tenantId = fields.String(allow_none=True, metadata={"description": "The call's tenant."})
    ended = fields.Boolean(metadata={"description": "The call is over."})
    call = fields.Nested(
        CallAsMergedSchema, metadata={"description": "The call as Graph sent it, all updates merged."}
    )
    roster = _objects("The participants in the call; null while Graph has named none.", allow_none=True)
    tones = _objects(f"The last {MAX_TONES} tones (`toneInfo`), in the order of their `sequenceId`.")
    participantNotifications = _objects(
        f"The last {MAX_PARTICIPANT_NOTIFICATIONS} notifications of participants that join or have left (policy "
        "recording)."
    )
    timeline = fields.List(fields.Nested(StateTimeSchema))
    firstSeen = fields.AwareDateTime()
    updated = fields.AwareDateTime()
    revision = _number("How often it has changed.", required=False)
    notifications = _number("How many notifications were received, duplicates included.", required=False)
    duplicates = _number("How many of them changed nothing.", required=False)

    class Meta:
        unknown = RAISE


class NotificationRecordSchema(AnswerSchema):
    id = _text("The receiver's own id of this item.")
    at = _time("When it was received.")
    notification = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={"description": "The item as Graph sent it, without secrets."},
    )


class NotificationPageSchema(AnswerSchema):
    notifications = fields.List(fields.Nested(NotificationRecordSchema), required=True)
    next = _next()


class _QuarantinedSchema(AnswerSchema):
    reason = _text("Why it can't be parsed: the member, and what was expected.")
    contract = _text("The route that received it: `callback` or `notifications`.")
    address = _perhaps("The address of its resource, ids and names masked; null where it names none.")
    type = _perhaps("The type of its resource; null where it names none.")
    replayable = _flag("Whether a later version may be able to parse it; else it can only be deleted.")


class QuarantineEntrySchema(_QuarantinedSchema):
    id = _text("The id, to replay or delete it.")
    at = _time("When it was received.")
    group = _text("The id of its group.")
    tenantId = _perhaps("The tenant that it is signed for.")
    item = fields.Raw(
        **_NULLABLE,
        metadata={
            "description": "The item as received; texts and numbers that may be personal data are hidden."
        },
    )


class QuarantineGroupSchema(_QuarantinedSchema):
    count = _number("How many entries are in it.")
    first = _time("When the first of them was received.")
    last = _time("When the last of them was received.")


class QuarantinePageSchema(AnswerSchema):
    items = fields.List(fields.Nested(QuarantineEntrySchema), required=True)
    groups = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(QuarantineGroupSchema),
        required=True,
        metadata={"description": "Every group of equal entries in quarantine, by its id."},
    )
    next = _next()


class ReplaySchema(AnswerSchema):
    id = _text("The item's id.")
    outcomes = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "The outcome for each update in it: `new`, `changed`, `duplicate`, `conflict`, `kept`."
        },
    )


class LifeSchema(AnswerSchema):
    status = _text("`alive`.")


class SpoolSchema(AnswerSchema):
    waiting = _number(
        "Notifications queued on this machine's disk for the store; null where that is unknown.",
        allow_none=True,
    )
    oldestSeconds = _number(
        "Seconds since the oldest of them was received; null where there is none, or that is unknown.",
        allow_none=True,
    )
    dead = _number(
        "Notifications that the store, though it works, could not merge; null where that is unknown.",
        allow_none=True,
    )
    bytes = _number("The size of the spool's file; null where that is unknown.", allow_none=True)


class ReadinessSchema(AnswerSchema):
    status = _text("`ready` or `not ready`.")
    checks = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": "Each check: `ok`, or what is wrong. `loops` names each background loop that has "
            "ended, keeps failing or makes no progress. `records` counts stored values that could not be read; it "
            "does not make the receiver unready."
        },
    )
    spool = fields.Nested(
        SpoolSchema, **_NULLABLE, metadata={"description": "The spool; null where there is none."}
    )


class DocumentSchema(Schema):
    """See https://spec.openapis.org/oas/v3.1.1.html."""

    openapi = _text("The version of OpenAPI.")

    class Meta:
        unknown = INCLUDE


class ProblemSchema(Schema):
    """A problem document (RFC 9457). Some have members of their own."""

    type = fields.String(
        required=True,
        metadata={
            "description": "The type of the problem, and the address of its explanation.",
            "format": "uri-reference",
        },
    )
    title = _text("The problem in short, the same for each problem of the type.")
    status = _number("The status of the answer.")
    detail = _text("What is wrong with this request, and what to do about it.")
    requestId = _text("The id of the request, in the log too.")
    errors = fields.Dict(
        keys=fields.String(), metadata={"description": "The error of each wrong query argument, by its name."}
    )
