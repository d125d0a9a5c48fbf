"""`/calls`: a call as far as Graph has told of it, and its operations by their ids."""

import hashlib

from flask import Blueprint, Response

from receiver.errors import CallNotFoundError, OperationNotFoundError, PreconditionFailedError
from receiver.graph.resource_addresses import normalize_id
from receiver.store.eraser import Eraser
from receiver.store.reader import Reader
from receiver.store.record_versions import call_version
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.endpoints.operation_routes import operation_answer, operation_answers
from receiver.web.middleware.request_context import time_left
from receiver.web.openapi import READ, WRITE, Answer, describe
from receiver.web.openapi.response_schemas import CallRecordSchema
from receiver.web.openapi.route_parameters import IF_MATCH, IF_NONE_MATCH, UNLESS_MATCH
from receiver.web.preconditions import Preconditions, answer_version, write_if


def make_calls(reader: Reader, eraser: Eraser, authorizer: Authorizer) -> Blueprint:
    """Make the routes of calls."""
    blueprint = Blueprint("calls", __name__)

    @blueprint.get("/calls/<call_id>")
    @describe(
        READ,
        {
            200: Answer("The call.", CallRecordSchema, ("ETag",)),
            304: Answer("It is still the version that `If-None-Match` names.", None, ("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(CallNotFoundError, PreconditionFailedError),
    )
    def show(call_id: str) -> Response:
        """Get a call: its state, its roster, its operations."""
        authorizer.require("read")
        wanted = normalize_id(call_id)
        record, operations = reader.call(wanted)
        if record is None and not operations:
            raise _unknown()
        # Of a call whose own news has not come, only the operations are known.
        told = representation.call(record) if record else {"callId": wanted, "state": None}
        listed = [representation.operation(operation) for operation in operations]
        response = representation.answer({**told, "operations": listed})
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization"
        return answer_version(response, _entity_tag(call_version(record, operations)))

    @blueprint.delete("/calls/<call_id>")
    @describe(
        WRITE,
        {204: Answer("Nothing is left of it.")},
        parameters=(IF_MATCH, UNLESS_MATCH),
        problems=(CallNotFoundError, PreconditionFailedError),
    )
    def forget(call_id: str) -> Response:
        """Delete a call: state, roster, its operations, and what names it in quarantine and change notifications."""
        authorizer.require("write")
        wanted = normalize_id(call_id)

        def check(conditions: Preconditions) -> str:
            record, operations = reader.call(wanted)
            version = call_version(record, operations)
            if record is None and not operations:
                if conditions.if_match is not None:
                    raise _unknown()
                return version
            conditions.require(_entity_tag(version))
            return version

        def delete(version: str) -> bool:
            return eraser.delete_call(wanted, within=time_left(), version=version)

        if not write_if(check, delete):
            raise _unknown()
        return Response(status=204)

    @blueprint.get("/calls/<call_id>/operations/<operation_id>")
    @describe(
        READ,
        operation_answers(),
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(OperationNotFoundError, PreconditionFailedError),
    )
    def operation(call_id: str, operation_id: str) -> Response:
        """Get an operation by its ids, for one without a client context."""
        scopes = authorizer.require("read")
        record = reader.operation(normalize_id(call_id), normalize_id(operation_id))
        return operation_answer(record, secrets_too="secrets" in scopes)

    return blueprint


def _entity_tag(version: str) -> str:
    """Return a short text that differs where the version of a call and its operations does."""
    return hashlib.blake2b(version.encode(), digest_size=12).hexdigest()


def _unknown() -> CallNotFoundError:
    return CallNotFoundError("No update of it has come yet, or it has been deleted.")
