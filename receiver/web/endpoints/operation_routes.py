"""`/operations`: the state of an operation by its client context, registration, deletion and lists."""

from collections.abc import Callable
from functools import partial
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
from receiver.graph.updates import OperationUpdate
from receiver.store.eraser import Eraser
from receiver.store.reader import Reader
from receiver.store.record_versions import context_version, operation_version
from receiver.store.records import OperationRecord
from receiver.store.writer import Writer
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.live.long_poll import LongPoll, add_applied_preference, requested_wait
from receiver.web.middleware.request_context import time_left
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
from receiver.web.paging import OperationPageQuery, page_response, read_operation_page
from receiver.web.preconditions import Preconditions, add_version, write_if
from receiver.web.request_bodies import read_body, read_json
from receiver.web.request_ids import make_id
from receiver.web.time_arguments import read_deadline

_REGISTERED: Final = (OperationRecordSchema, RegistrationSchema)
_CREATED: Final = 201


def operation_responses(*sometimes: str) -> dict[int, Answer]:
    """Describe the responses that `operation_response` makes.

    Args:
        sometimes: further headers that they may have.
    """
    headers = ("Retry-After", *sometimes)
    return {
        200: Answer("The operation.", OperationRecordSchema, ("ETag",), headers),
        304: Answer("The version is still the one that `If-None-Match` names.", None, ("ETag",), headers),
    }


class OperationRoutes:
    """The routes of operations.

    Args:
        reader: reads operation records.
        writer: registers operations.
        eraser: deletes operations.
        long_poll: waits for results.
        authorizer: checks the scopes of requests.
    """

    def __init__(
        self, reader: Reader, writer: Writer, eraser: Eraser, long_poll: LongPoll, authorizer: Authorizer
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._eraser = eraser
        self._long_poll = long_poll
        self._authorizer = authorizer

    def blueprint(self) -> Blueprint:
        """Return the blueprint with these routes."""
        blueprint = Blueprint("operations", __name__)
        blueprint.get("/operations/<anything:client_context>")(self.get)
        blueprint.put("/operations/<anything:client_context>")(self.register)
        blueprint.delete("/operations/<anything:client_context>")(self.delete)
        blueprint.get("/operations")(self.list_page)
        return blueprint

    @describe(
        READ,
        operation_responses("Preference-Applied"),
        parameters=(WAIT, PREFER, IF_MATCH, IF_NONE_MATCH),
        problems=(BadRequestError, OperationNotFoundError, PreconditionFailedError, TooManyWaitingError),
    )
    def get(self, client_context: str) -> Response:
        """Get the latest operation of a client context, or wait for its result.

        A wait also works for an operation that is not known yet. It ends when the operation is done; with an `ETag` in
        `If-None-Match`, at any change. When the time is over, the response is the latest state.
        """
        scopes = self._authorizer.require("read")
        ends_wait = _wait_condition(Preconditions.of_request())
        record = self._long_poll.latest(client_context, requested_wait(), ends_wait)
        after_this_request(add_applied_preference)  # a 404 after a wait has it, too
        return operation_response(record, with_secrets="secrets" in scopes)

    @describe(
        WRITE,
        {
            200: Answer("The operation was known before.", _REGISTERED, sometimes=("ETag", "Retry-After")),
            201: Answer("The operation is new.", _REGISTERED, ("Location",), ("ETag", "Retry-After")),
        },
        parameters=(CALL_OF_OPERATION, DEADLINE, IF_MATCH, UNLESS_MATCH),
        body=OPERATION,
        problems=(BadRequestError, OperationNotFoundError, PreconditionFailedError),
    )
    def register(self, client_context: str) -> Response:
        """Register an operation that you asked Graph for.

        It is then known before its result arrives. A registration is merged like any other update, so it never
        overwrites a result. If no result has arrived when it is due, the operation is `overdue`, and `GET /events` has
        an event for it.
        """
        scopes = self._authorizer.require("write")
        update, deadline = _read_registration(client_context)
        outcome = write_if(
            partial(self._check_registration, client_context), partial(self._register, update, deadline)
        )
        return self._registration_response(client_context, outcome, scopes)

    @describe(
        WRITE,
        {204: Answer("The operations are deleted.")},
        parameters=(IF_MATCH, UNLESS_MATCH),
        problems=(OperationNotFoundError, PreconditionFailedError),
    )
    def delete(self, client_context: str) -> Response:
        """Delete every operation of a client context.

        Their history and their items in quarantine are deleted, too. An `ETag` in `If-Match` is that of one operation:
        if the client context has several, nothing is deleted, and the response is 412.
        """
        self._authorizer.require("write")
        if not write_if(partial(self._check_deletion, client_context), partial(self._delete, client_context)):
            raise _not_found()
        return Response(status=204)

    @describe(
        READ,
        {200: Answer("A page.", OperationPageSchema, sometimes=("Link",))},
        query=OperationPageQuery,
        problems=(BadRequestError,),
    )
    def list_page(self) -> Response:
        """List operations, newest first.

        A page may be shorter than `limit`, and even empty, though there is a next one: go on until `next` is null.
        """
        self._authorizer.require("read")
        query = read_operation_page()
        page = self._reader.operations(query.chosen, limit=query.limit, cursor=query.cursor)
        operations = [representation.operation(record) for record in page.operations]
        return page_response("operations", operations, page.cursor)

    def _check_registration(self, client_context: str, conditions: Preconditions) -> str:
        record = self._reader.latest(client_context)
        conditions.require(_entity_tag(record))
        return context_version(record)

    def _register(self, update: OperationUpdate, deadline: int | None, version: str) -> str:
        return self._writer.register(
            update, notification_id=make_id(), within=time_left(), deadline=deadline, version=version
        )

    def _registration_response(self, client_context: str, outcome: str, scopes: frozenset[str]) -> Response:
        record = self._reader.latest(client_context)
        response = operation_response(record, with_secrets=False)
        if "read" not in scopes and record:
            response = representation.json_response(representation.receipt(record))
        if outcome == "new" and record and not record.others:
            response.status_code = _CREATED
            response.headers["Location"] = f"/operations/{quote(client_context, safe='')}"
        return response

    def _check_deletion(self, client_context: str, conditions: Preconditions) -> str:
        record = self._reader.latest(client_context)
        if record is None and conditions.if_match is not None:
            raise _not_found()
        conditions.require(_entity_tag(record), covers_all=not (record and record.others))
        return context_version(record)

    def _delete(self, client_context: str, version: str) -> bool:
        return self._eraser.delete_operations(client_context, within=time_left(), version=version)


def operation_response(record: OperationRecord | None, *, with_secrets: bool) -> Response:
    """Make the response for an operation: its state and version, and when to ask again; 304 for a known version.

    Raises:
        OperationNotFoundError: there is no record.
        PreconditionFailedError: a GET names another version in `If-Match`.
    """
    if record is None:
        raise _not_found()
    response = representation.json_response(representation.operation(record, secrets=with_secrets))
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization"
    if not record.done:
        response.headers["Retry-After"] = str(representation.RETRY_AFTER)
    return add_version(response, operation_version(record))


def _read_registration(client_context: str) -> tuple[OperationUpdate, int | None]:
    """Read the update that a PUT sends, and its deadline in seconds.

    Raises:
        BadRequestError: the client context, an argument or the body is not valid.
    """
    if len(client_context) > MAX_CLIENT_CONTEXT:
        raise BadRequestError(f"A client context has at most {MAX_CLIENT_CONTEXT} characters.")
    call_id = normalize_id(request.args.get("callId", ""))
    deadline = read_deadline()
    return read_response(read_json(read_body() or b"{}"), client_context, call_id), deadline


def _wait_condition(conditions: Preconditions) -> Callable[[OperationRecord | None], bool]:
    """Return a function for whether a record ends the wait: a result, or any version that the client does not have."""
    if conditions.names_known_version:
        return lambda record: record is not None and not conditions.is_known(operation_version(record))
    return lambda record: record is not None and record.done


def _entity_tag(record: OperationRecord | None) -> str | None:
    return None if record is None else operation_version(record)


def _not_found() -> OperationNotFoundError:
    return OperationNotFoundError(
        "No update of it has arrived, or it has been deleted. Ask again later, or register it with PUT."
    )
