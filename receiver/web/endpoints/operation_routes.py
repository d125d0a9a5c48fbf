"""`/operations`: what has become of an operation, by the client context that its caller chose."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, after_this_request, request

from receiver.errors import (
    BadRequestError,
    OperationNotFoundError,
    PreconditionFailedError,
    TooManyWaitingError,
)
from receiver.graph.call_notifications import read_response
from receiver.graph.resource_addresses import normalize_id
from receiver.graph.schemas import MAX_CLIENT_CONTEXT
from receiver.store.eraser import Eraser
from receiver.store.reader import Reader
from receiver.store.record_versions import context_version, operation_version
from receiver.store.records import OperationRecord
from receiver.store.writer import Writer
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.live.long_poll import Waiter, tell_preference, wanted_wait
from receiver.web.middleware.request_context import query_argument, time_left
from receiver.web.openapi import READ, WRITE, Answer, describe
from receiver.web.openapi.body_schemas import OPERATION
from receiver.web.openapi.response_schemas import (
    OperationPageSchema,
    OperationRecordSchema,
    RegistrationSchema,
)
from receiver.web.openapi.route_parameters import (
    CALL_OF_OPERATION,
    DEADLINE,
    IF_MATCH,
    IF_NONE_MATCH,
    PREFER,
    UNLESS_MATCH,
    WAIT,
)
from receiver.web.paging import OperationPageQuery, page_answer, read_operation_page
from receiver.web.preconditions import Preconditions, answer_version, write_if
from receiver.web.request_bodies import read_body, read_json
from receiver.web.request_ids import make_id

_REGISTERED: Final = (OperationRecordSchema, RegistrationSchema)
_CREATED: Final = 201
_LONGEST_DEADLINE: Final = DEADLINE["schema"]["maximum"]


def make_operations(
    reader: Reader, writer: Writer, eraser: Eraser, waiter: Waiter, authorizer: Authorizer
) -> Blueprint:
    """Make the routes of operations.

    Args:
        reader: reads what is kept.
        writer: registers.
        eraser: forgets.
        waiter: waits for what is to come.
        authorizer: who may do what.
    """
    blueprint = Blueprint("operations", __name__)

    @blueprint.get("/operations/<anything:client_context>")
    @describe(
        READ,
        operation_answers("Preference-Applied"),
        parameters=(WAIT, PREFER, IF_MATCH, IF_NONE_MATCH),
        problems=(BadRequestError, OperationNotFoundError, PreconditionFailedError, TooManyWaitingError),
    )
    def latest(client_context: str) -> Response:
        """Get the latest operation of a client context, or wait for its result.

        A wait works for an operation that is not known yet. It ends when the operation is done; with an `ETag` in
        `If-None-Match`, at any change. When the time is over, the latest state is the answer.
        """
        scopes = authorizer.require("read")
        record = waiter.latest(client_context, wanted_wait(), _end_of_wait(Preconditions.of_request()))
        after_this_request(tell_preference)  # 404 after a wait has it, too
        return operation_answer(record, secrets_too="secrets" in scopes)

    @blueprint.put("/operations/<anything:client_context>")
    @describe(
        WRITE,
        {
            200: Answer("It was known before.", _REGISTERED, sometimes=("ETag", "Retry-After")),
            201: Answer("It is new.", _REGISTERED, ("Location",), ("ETag", "Retry-After")),
        },
        parameters=(CALL_OF_OPERATION, DEADLINE, IF_MATCH, UNLESS_MATCH),
        body=OPERATION,
        problems=(BadRequestError, OperationNotFoundError, PreconditionFailedError),
    )
    def register(client_context: str) -> Response:
        """Register an operation that you asked Graph for.

        It is known then before its result comes. A registration is merged like any other update, so it never
        overwrites a result. If no result has come when it is due, the operation is `overdue`, and `GET /events` has an
        event for it.
        """
        scopes = authorizer.require("write")
        if len(client_context) > MAX_CLIENT_CONTEXT:
            raise BadRequestError(f"A client context has at most {MAX_CLIENT_CONTEXT} characters.")
        call_id = normalize_id(request.args.get("callId", ""))
        deadline = _wanted_deadline()
        update = read_response(read_json(read_body() or b"{}"), client_context, call_id)

        def check(conditions: Preconditions) -> str:
            found = reader.latest(client_context)
            conditions.require(_entity_tag(found))
            return context_version(found)

        def write(version: str) -> str:
            return writer.register(
                update, notification_id=make_id(), within=time_left(), deadline=deadline, version=version
            )

        outcome = write_if(check, write)
        record = reader.latest(client_context)
        response = operation_answer(record, secrets_too=False)
        if "read" not in scopes and record:
            response = representation.answer(representation.receipt(record))
        if outcome == "new" and record and not record.others:
            response.status_code = _CREATED
            response.headers["Location"] = f"/operations/{quote(client_context, safe='')}"
        return response

    @blueprint.delete("/operations/<anything:client_context>")
    @describe(
        WRITE,
        {204: Answer("Nothing is left of it.")},
        parameters=(IF_MATCH, UNLESS_MATCH),
        problems=(OperationNotFoundError, PreconditionFailedError),
    )
    def forget(client_context: str) -> Response:
        """Delete every operation of a client context.

        Their history and their items in quarantine are deleted, too. An `ETag` in `If-Match` is that of one operation:
        if the client context has several, nothing is deleted, and the answer is 412.
        """
        authorizer.require("write")

        def check(conditions: Preconditions) -> str:
            found = reader.latest(client_context)
            if found is None and conditions.if_match is not None:
                raise _unknown()
            conditions.require(_entity_tag(found), covers_all=not (found and found.others))
            return context_version(found)

        def delete(version: str) -> bool:
            return eraser.delete_operations(client_context, within=time_left(), version=version)

        if not write_if(check, delete):
            raise _unknown()
        return Response(status=204)

    @blueprint.get("/operations")
    @describe(
        READ,
        {200: Answer("A page.", OperationPageSchema, sometimes=("Link",))},
        query=OperationPageQuery,
        problems=(BadRequestError,),
    )
    def list_operations() -> Response:
        """List operations, newest first.

        A page may be shorter than `limit`, and even empty, though there is a next one: go on until `next` is null.
        """
        authorizer.require("read")
        asked = read_operation_page()
        page = reader.operations(asked.chosen, limit=asked.limit, cursor=asked.cursor)
        found = [representation.operation(record) for record in page.operations]
        return page_answer("operations", found, page.cursor)

    return blueprint


def operation_answers(*sometimes: str) -> dict[int, Answer]:
    """Describe what `operation_answer` answers; it may have further headers."""
    headers = ("Retry-After", *sometimes)
    return {
        200: Answer("The operation.", OperationRecordSchema, ("ETag",), headers),
        304: Answer("It is still the version that `If-None-Match` names.", None, ("ETag",), headers),
    }


def operation_answer(record: OperationRecord | None, *, secrets_too: bool) -> Response:
    """Answer with an operation: its state and version, when to ask again, or 304 where the asker has it.

    Raises:
        OperationNotFoundError: there is none.
        PreconditionFailedError: a GET names another version in `If-Match`.
    """
    if record is None:
        raise _unknown()
    response = representation.answer(representation.operation(record, secrets=secrets_too))
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization"
    if not record.done:
        response.headers["Retry-After"] = str(representation.RETRY_AFTER)
    return answer_version(response, operation_version(record))


def _wanted_deadline() -> int | None:
    """Return the seconds that the request gives the operation, if it does.

    Raises:
        BadRequestError: it is no number of seconds, or too many.
    """
    asked = query_argument("deadline")
    if asked is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", asked) or not 1 <= int(asked) <= _LONGEST_DEADLINE:
        raise BadRequestError(
            f"`deadline` must be a whole number of seconds from 1 to {_LONGEST_DEADLINE}. "
            "Leave it out for what RECEIVER_OVERDUE_SECONDS says."
        )
    return int(asked)


def _end_of_wait(conditions: Preconditions) -> Callable[[OperationRecord | None], bool]:
    """Return what tells whether a record ends the wait: a result, or any version but the one that the client has."""
    if conditions.names_known_version:
        return lambda record: record is not None and not conditions.is_known(operation_version(record))
    return lambda record: record is not None and record.done


def _entity_tag(record: OperationRecord | None) -> str | None:
    return None if record is None else operation_version(record)


def _unknown() -> OperationNotFoundError:
    return OperationNotFoundError(
        "No update of it has come yet, or it has been deleted. Ask again, or register it with PUT."
    )
