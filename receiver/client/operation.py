"""An operation as the receiver returns it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from receiver.client.errors import UnexpectedAnswerError

ClientContext: TypeAlias = str | UUID
"""The name that the caller of Graph gives an operation; a UUID stands for its text, in lower case with hyphens."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of the timeline: a status, and when the receiver first had it."""

    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an operation.

    Attributes:
        code: Graph's code, such as 200 or 408; None if Graph sent none.
        subcode: Graph's subcode, such as 10057, which is more specific.
        message: Graph's own message. It may contain phone numbers and user ids.
        text: the receiver's words for the result, such as `Nobody answered`; empty from a receiver that has none.
    """

    code: int | None
    subcode: int | None
    message: str = field(repr=False)
    text: str = ""

    def __str__(self) -> str:
        """Return `408/10057`; empty if Graph sent no code."""
        return "/".join(str(number) for number in (self.code, self.subcode) if number is not None)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A second result that differs from the first; the first remains the operation's result."""

    status: str
    at: datetime
    operation: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """The latest state of an operation.

    Attributes:
        client_context: the name that the caller of Graph gave it.
        call_id: the call; None until it is known, like the other ids.
        operation_id: Graph's id.
        tenant_id: the tenant.
        type: Graph's name of its type, such as `inviteParticipantsOperation`. The set is open.
        status: `notStarted`, `running`, `completed`, `failed`, or another one that Graph adds.
        done: it has its result, which no later update changes.
        overdue: its result was due and has not arrived; a late result ends this.
        due: when its result is due; None once it has arrived.
        resource: the operation in Graph's own members. It may contain personal data.
        result: its result; None while it is not done.
        timeline: when the receiver first had each status, in order.
        first_seen: when the receiver first had a notification or registration of it.
        updated: when it last changed.
        revision: the count of its changes.
        notifications: the count of its updates.
        duplicates: how many of these changed nothing.
        conflict: a second, different result, if one has arrived.
        others: how many more operations have the same client context (`list` returns all); None if the
            response doesn't say.
        document: the whole document, with members that this version does not know.
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
        """Whether the result is `completed`.

        A sendDtmfTonesOperation completes even when it failed; read `resource["completionReason"]`.
        """
        return self.done and self.status == "completed"

    @property
    def failed(self) -> bool:
        """Whether the result is `failed`; `result` has the reason."""
        return self.done and self.status == "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receiver's response to a registration.

    Attributes:
        client_context: as registered.
        status: the operation's status; None while it is unknown.
        done: its result has already arrived.
        created: the receiver did not know this client context before.
    """

    client_context: str
    status: str | None
    done: bool
    created: bool


def read_operation(document: object, asked: str = "") -> Operation:
    """Parse an operation.

    Args:
        document: the response's document.
        asked: the client context of the request; empty if it was about any.

    Raises:
        UnexpectedAnswerError: the document is not an operation, or one of another client context.
    """
    try:
        operation: Operation = _OPERATION.load(document)  # type: ignore[arg-type]  # it refuses other than objects
    except ValidationError as error:
        raise UnexpectedAnswerError(f"The response is not an operation of a receiver: {error}") from None
    if asked:
        _check_context(operation.client_context, asked)
    return operation


def context_text(client_context: object) -> str:
    """Return a client context as text.

    Raises:
        ValueError: the client context is neither text nor a UUID.
    """
    if not isinstance(client_context, str | UUID):
        raise ValueError(  # noqa: TRY004 - one error for everything that can't be a client context
            f"a client context is a str or a UUID, not {type(client_context).__name__}"
        )
    return str(client_context)


def read_receipt(document: Mapping[str, Any], asked: str, *, created: bool) -> Receipt:
    """Parse the response to a registration.

    Raises:
        UnexpectedAnswerError: the document is not a receipt, or one of another client context.
    """
    _check_context(document.get("clientContext"), asked)
    status, done = document.get("status"), document.get("done")
    if not isinstance(done, bool):
        raise UnexpectedAnswerError(
            "The response is not a receiver's: a receipt without `done`. Check the address."
        )
    return Receipt(asked, status if isinstance(status, str) else None, done, created)


def _check_context(answered: object, asked: str) -> None:
    """Refuse a response about another client context: a proxy, or processes that share a connection, may swap them.

    The error does not quote it: it may be personal data.
    """
    if answered != asked:
        raise UnexpectedAnswerError("The response is about another client context than the request.")


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
    """Return the result: the receiver's own, or that of Graph's `resultInfo` if an older receiver sends none."""
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
