"""Marshmallow schemas of Graph's notifications and resources.

All of Graph's types are open: unknown members are kept unchanged. Fields have Graph's member names, under which a
record stores the resource member by member. Every member may be null or absent.

Types: https://learn.microsoft.com/graph/api/resources/commsoperation and the pages beside it.
"""

import re
from typing import Any, Final

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

MAX_CLIENT_CONTEXT: Final = 256
"""Characters of a client context; an operation with a longer one is quarantined."""

_WHOLE_NUMBER: Final = re.compile(r"\s*-?[0-9]{1,18}\s*")


class GraphSchema(Schema):
    """A resource of Graph: open, every member nullable.

    `@odata.type` stays an unknown member, since marshmallow would take its dot for a path; the parsers read it.
    """

    class Meta:
        unknown = INCLUDE


def _string(**options: Any) -> fields.String:
    return fields.String(allow_none=True, **options)


def _boolean() -> fields.Boolean:
    return fields.Boolean(allow_none=True)


def _nested(schema: type[Schema], *, many: bool = False) -> fields.Nested:
    return fields.Nested(schema, many=many, allow_none=True)


def _object() -> fields.Dict:
    return fields.Dict(keys=fields.String(), allow_none=True)


def _objects() -> "fields.List[dict[str, Any]]":
    return fields.List(fields.Dict(keys=fields.String()), allow_none=True)


class _Code(fields.Field[int]):
    """A whole number, which documentation examples also write as a string (`"code": "0"`)."""

    @staticmethod
    def is_plain(value: object) -> bool:
        """Return whether loading would change nothing (`schema_loading.Loader`)."""
        return type(value) is int

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
            return int(value)
        raise ValidationError("Not a whole number.")


_WHOLE: Final = {"type": ["integer", "string"], "description": "A whole number, sometimes as text."}


class IdentitySchema(GraphSchema):
    id = _string()
    displayName = _string()
    tenantId = _string()
    identityProvider = _string()


class IdentitySetSchema(GraphSchema):
    user = _nested(IdentitySchema)
    application = _nested(IdentitySchema)
    device = _nested(IdentitySchema)
    phone = _nested(IdentitySchema)
    guest = _nested(IdentitySchema)
    applicationInstance = _nested(IdentitySchema)
    onPremises = _nested(IdentitySchema)
    encrypted = _nested(IdentitySchema)
    azureCommunicationServicesUser = _nested(IdentitySchema)
    assertedIdentity = _nested(IdentitySchema)


class InvitationParticipantInfoSchema(GraphSchema):
    identity = _nested(IdentitySetSchema)
    hidden = _boolean()
    participantId = _string()
    removeFromDefaultAudioRoutingGroup = _boolean()
    replacesCallId = _string()
    endpointType = _string()


class ResultInfoSchema(GraphSchema):
    code = _Code(allow_none=True, metadata=_WHOLE)
    subcode = _Code(allow_none=True, metadata=_WHOLE)
    message = _string()


class CommsOperationSchema(GraphSchema):
    id = _string()
    clientContext = _string(
        validate=validate.Length(
            max=MAX_CLIENT_CONTEXT, error=f"Longer than {MAX_CLIENT_CONTEXT} characters."
        )
    )
    status = _string()
    resultInfo = _nested(ResultInfoSchema)


class InviteParticipantsOperationSchema(CommsOperationSchema):
    participants = _nested(InvitationParticipantInfoSchema, many=True)


class PlayPromptOperationSchema(CommsOperationSchema):
    prompts = _objects()
    completionReason = _string()


class RecordOperationSchema(CommsOperationSchema):
    recordingLocation = _string()
    recordingAccessToken = _string()
    completionReason = _string()


class SendDtmfTonesOperationSchema(CommsOperationSchema):
    completionReason = _string()


class MuteParticipantsOperationSchema(CommsOperationSchema):
    participants = fields.List(fields.String(), allow_none=True)


class ParticipantInfoSchema(GraphSchema):
    identity = _nested(IdentitySetSchema)
    endpointType = _string()
    languageId = _string()
    countryCode = _string()
    region = _string()


class ParticipantSchema(GraphSchema):
    id = _string()
    info = _nested(ParticipantInfoSchema)
    isMuted = _boolean()
    isInLobby = _boolean()
    mediaStreams = _objects()
    metadata = _string()
    removedState = _object()
    rosterSequenceNumber = _Code(allow_none=True, metadata=_WHOLE)


class DeltaParticipantsSchema(GraphSchema):
    """Changed participants, for an app with delta rosters enabled."""

    sequenceNumber = _Code(allow_none=True, metadata=_WHOLE)
    participants = _nested(ParticipantSchema, many=True)


class CallSchema(GraphSchema):
    id = _string()
    state = _string()
    direction = _string()
    callbackUri = _string()
    source = _nested(ParticipantInfoSchema)
    targets = _nested(InvitationParticipantInfoSchema, many=True)
    tenantId = _string()
    myParticipantId = _string()
    callChainId = _string()
    subject = _string()
    requestedModalities = fields.List(fields.String(), allow_none=True)
    mediaConfig = _object()
    chatInfo = _object()
    meetingInfo = _object()
    toneInfo = _object()
    resultInfo = _nested(ResultInfoSchema)


class CommsNotificationSchema(GraphSchema):
    """An item of contract A; the kind of `resourceData` follows from its type or its address."""

    changeType = _string()
    resource = _string()
    resourceUrl = _string()
    resourceData = fields.Raw(allow_none=True)


class CommsNotificationsSchema(GraphSchema):
    """The envelope of contract A. Items are parsed one by one, so that an invalid one does not affect the others."""

    value = fields.List(fields.Raw(allow_none=True), required=True)


class ChangeNotificationSchema(GraphSchema):
    """An item of contract B: https://learn.microsoft.com/graph/api/resources/changenotification."""

    id = _string()
    subscriptionId = fields.String(required=True)
    tenantId = _string()
    clientState = fields.Raw(allow_none=True)
    changeType = _string()
    lifecycleEvent = _string()
    resource = _string()
    subscriptionExpirationDateTime = _string()
    resourceData = fields.Raw(allow_none=True)
    encryptedContent = _object()


class ChangeNotificationCollectionSchema(GraphSchema):
    """The envelope of contract B."""

    value = fields.List(fields.Raw(allow_none=True), required=True)
    validationTokens = fields.List(fields.String(), allow_none=True)


OPERATION_SCHEMAS: Final[dict[str, type[CommsOperationSchema]]] = {
    "commsOperation": CommsOperationSchema,
    "inviteParticipantsOperation": InviteParticipantsOperationSchema,
    "playPromptOperation": PlayPromptOperationSchema,
    "recordOperation": RecordOperationSchema,
    "sendDtmfTonesOperation": SendDtmfTonesOperationSchema,
    "muteParticipantsOperation": MuteParticipantsOperationSchema,
    # The types without members of their own.
    "addLargeGalleryViewOperation": CommsOperationSchema,
    "cancelMediaProcessingOperation": CommsOperationSchema,
    "muteParticipantOperation": CommsOperationSchema,
    "startHoldMusicOperation": CommsOperationSchema,
    "startRecordingOperation": CommsOperationSchema,
    "startTranscriptionOperation": CommsOperationSchema,
    "stopHoldMusicOperation": CommsOperationSchema,
    "stopRecordingOperation": CommsOperationSchema,
    "subscribeToToneOperation": CommsOperationSchema,
    "unmuteParticipantOperation": CommsOperationSchema,
    "updateRecordingStatusOperation": CommsOperationSchema,
}
"""The schema of each known operation type. The set is open: any other is parsed as a commsOperation."""
