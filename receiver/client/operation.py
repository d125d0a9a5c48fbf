"""An operation as the receiver answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from receiver.client.errors import UnexpectedAnswerError

ClientContext: TypeAlias = str | UUID
"""What names an operation; of a UUID its text counts, in lower case with hyphens."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a status was first heard of."""

    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an operation.

    Attributes:
        code: Graph's code, such as 200 or 408; None where Graph sent none.
        subcode: Graph's subcode, such as 10057, which is more specific.
        message: Graph's own message. It may hold phone numbers and user ids.
        text: the receiver's words for the result, such as `Nobody answered`; empty from a receiver that has none.
    """

    code: int | None
    subcode: int | None
    message: str = field(repr=False)
    text: str = ""

    def __str__(self) -> str:
        """Return `408/10057`; empty where Graph sent no code."""
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
        result: its result; None while it is not done.
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
    result: Result | None
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receiver's answer to a registration.

    Attributes:
        client_context: as registered.
        status: the operation's; None while nothing says it.
        done: its result has already come.
        created: the receiver did not know this client context before.
    """

    client_context: str
    status: str | None
    done: bool
    created: bool


def read_operation(document: object, asked: str = "") -> Operation:
    """Read an operation out of an answer.

    Args:
        document: of the answer.
        asked: the client context that the request was about; empty where it was about any.

    Raises:
        UnexpectedAnswerError: it is not an operation, or one of another client context.
    """
    try:
        operation: Operation = _OPERATION.load(document)  # type: ignore[arg-type]  # it refuses what is no object
    except ValidationError as error:
        raise UnexpectedAnswerError(f"This is not an operation of a receiver: {error}") from None
    if asked:
        _hold_to_context(operation.client_context, asked)
    return operation


def context_text(client_context: object) -> str:
    """Return a client context as text.

    Raises:
        ValueError: it is neither text nor a UUID.
    """
    if not isinstance(client_context, str | UUID):
        raise ValueError(  # noqa: TRY004 - one error for whatever can't be a client context
            f"a client context is a str or a UUID, not {type(client_context).__name__}"
        )
    return str(client_context)


def read_receipt(document: Mapping[str, Any], asked: str, *, created: bool) -> Receipt:
    """Read what answers a registration.

    Raises:
        UnexpectedAnswerError: it is not a receipt, or one of another client context.
    """
    _hold_to_context(document.get("clientContext"), asked)
    status, done = document.get("status"), document.get("done")
    if not isinstance(done, bool):
        raise UnexpectedAnswerError("What answers there is not a receiver: a receipt without `done`.")
    return Receipt(asked, status if isinstance(status, str) else None, done, created)


def _hold_to_context(answered: object, asked: str) -> None:
    """Refuse an answer about another client context: a proxy, or processes that share a connection, mix them up.

    Which one it is about is not said: that may be personal data.
    """
    if answered != asked:
        raise UnexpectedAnswerError("The answer is about another client context than the request.")


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


class _ResultSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    code = fields.Integer(required=True, allow_none=True)
    subcode = fields.Integer(required=True, allow_none=True)
    text = fields.String(required=True)


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
    result = fields.Nested(_ResultSchema, load_default=None, allow_none=True)
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
        members["timeline"] = tuple(members["timeline"])
        members["result"] = _result(members)
        return Operation(**members, document=document)


_OPERATION: Final = _OperationSchema()


def _result(members: Mapping[str, Any]) -> Result | None:
    """Return the result: the receiver's, and of a receiver that answers without one, Graph's `resultInfo`."""
    info = members["resource"].get("resultInfo")
    info = info if isinstance(info, Mapping) else {}
    message = str(info.get("message") or "")
    if members["result"]:
        return Result(**members["result"], message=message)
    if not members["done"]:
        return None
    return Result(_integer(info.get("code")), _integer(info.get("subcode")), message)


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
