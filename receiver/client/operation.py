"""An operation as the receiver answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from receiver.client.errors import UnexpectedAnswerError


@dataclass(frozen=True, slots=True)
class Moment:
    """When a status was first heard of."""

    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """Graph's `resultInfo`.

    Attributes:
        code: such as 200 or 408; None where Graph tells none.
        subcode: such as 10057, which says more.
        message: Graph's own words. They may hold phone numbers and user ids.
    """

    code: int | None
    subcode: int | None
    message: str = field(repr=False)

    def __str__(self) -> str:
        """Return `408/10057`; empty where Graph tells no code."""
        return "/".join(str(number) for number in (self.code, self.subcode) if number is not None)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A second result that differs from the first, which stands."""

    status: str
    at: datetime
    operation: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """The latest state of an operation.

    Attributes:
        client_context: what the caller of Graph named it.
        call_id: the call; None until it is known, as are the other ids.
        operation_id: Graph's id.
        tenant_id: the tenant.
        type: Graph's name of its type, such as `inviteParticipantsOperation`. The set is open.
        status: `notStarted`, `running`, `completed`, `failed`, or whatever Graph comes up with.
        done: it has its result, which no later news changes.
        overdue: its result was due and has not come; it may still come, and ends this.
        due: when its result is due; None once it has come.
        resource: the operation in Graph's own members. It may hold personal data.
        timeline: when each status was first heard of, in order.
        first_seen: when it was first heard of.
        updated: when it last changed.
        revision: how many changes there have been.
        notifications: how often it was told of.
        duplicates: how many of these told nothing new.
        conflict: a second, different result, if one has come.
        others: how many more operations have the same client context (`list` has them all); None where the
            answer doesn't say.
        document: the whole answer, with what this version does not know.
    """

    client_context: str | None
    call_id: str | None
    operation_id: str | None
    tenant_id: str | None
    type: str | None
    status: str | None
    done: bool
    overdue: bool
    due: datetime | None
    resource: Mapping[str, Any] = field(repr=False, hash=False)
    timeline: tuple[Moment, ...]
    first_seen: datetime
    updated: datetime
    revision: int
    notifications: int
    duplicates: int
    conflict: Conflict | None
    others: int | None
    document: Mapping[str, Any] = field(repr=False, hash=False, compare=False)

    @property
    def completed(self) -> bool:
        """Whether Graph says `completed`.

        Of sendDtmfTonesOperation Graph says so even when it failed; look at `resource["completionReason"]`.
        """
        return self.done and self.status == "completed"

    @property
    def failed(self) -> bool:
        """Whether Graph says `failed`; `result` has the reason."""
        return self.done and self.status == "failed"

    @property
    def result(self) -> Result | None:
        """Graph's `resultInfo`, where it has sent one: on success, too, sometimes."""
        info = self.resource.get("resultInfo")
        if not isinstance(info, Mapping):
            return None
        return Result(_whole(info.get("code")), _whole(info.get("subcode")), str(info.get("message") or ""))


def read_operation(document: object) -> Operation:
    """Read an operation out of an answer.

    Raises:
        UnexpectedAnswerError: it is none.
    """
    try:
        operation: Operation = _OPERATION.load(document)  # type: ignore[arg-type]  # it refuses what is no object
    except ValidationError as error:
        raise UnexpectedAnswerError(f"This is no operation of a receiver: {error}") from None
    return operation


class _MomentSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    status = fields.String(required=True)
    at = fields.AwareDateTime(required=True)

    @post_load
    def make(self, members: dict[str, Any], **_: object) -> Moment:
        return Moment(**members)


class _ConflictSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    status = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    operation = fields.Dict(required=True)

    @post_load
    def make(self, members: dict[str, Any], **_: object) -> Conflict:
        return Conflict(**members)


class _OperationSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    client_context = fields.String(data_key="clientContext", required=True, allow_none=True)
    call_id = fields.String(data_key="callId", required=True, allow_none=True)
    operation_id = fields.String(data_key="operationId", required=True, allow_none=True)
    tenant_id = fields.String(data_key="tenantId", required=True, allow_none=True)
    type = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, allow_none=True)
    done = fields.Boolean(required=True)
    overdue = fields.Boolean(required=True)
    due = fields.AwareDateTime(required=True, allow_none=True)
    resource = fields.Dict(data_key="operation", required=True)
    timeline = fields.List(fields.Nested(_MomentSchema), required=True)
    first_seen = fields.AwareDateTime(data_key="firstSeen", required=True)
    updated = fields.AwareDateTime(required=True)
    revision = fields.Integer(required=True)
    notifications = fields.Integer(required=True)
    duplicates = fields.Integer(required=True)
    conflict = fields.Nested(_ConflictSchema, required=True, allow_none=True)
    others = fields.Integer(load_default=None, allow_none=True)

    @post_load(pass_original=True)
    def make(self, members: dict[str, Any], document: dict[str, Any], **_: object) -> Operation:
        return Operation(**{**members, "timeline": tuple(members["timeline"])}, document=document)


_OPERATION: Final = _OperationSchema()


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
