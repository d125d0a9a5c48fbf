"""`/calls`: the state of a call, its roster, and its operations by their ids."""

import hashlib
from functools import partial

from flask import Blueprint, Response

from receiver.errors import CallNotFoundError, OperationNotFoundError, PreconditionFailedError
from receiver.graph.resource_addresses import normalize_id
from receiver.store.eraser import Eraser
from receiver.store.reader import Reader
from receiver.store.record_versions import call_version
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.endpoints.operation_routes import operation_response, operation_responses
from receiver.web.middleware.request_context import time_left
from receiver.web.openapi import READ, WRITE, Answer, describe
from receiver.web.openapi.response_schemas import CallRecordSchema
from receiver.web.openapi.route_parameters import IF_MATCH, IF_NONE_MATCH, UNLESS_MATCH
from receiver.web.preconditions import Preconditions, add_version, write_if


class CallRoutes:
    """The routes of calls.

    Args:
        reader: reads call and operation records.
        eraser: deletes calls.
        authorizer: checks the scopes of requests.
    """

    def __init__(self, reader: Reader, eraser: Eraser, authorizer: Authorizer) -> None:
        self._reader = reader
        self._eraser = eraser
        self._authorizer = authorizer

    def blueprint(self) -> Blueprint:
        """Return the blueprint with these routes."""
        blueprint = Blueprint("calls", __name__)
        blueprint.get("/calls/<call_id>")(self.get)
        blueprint.delete("/calls/<call_id>")(self.delete)
        blueprint.get("/calls/<call_id>/operations/<operation_id>")(self.get_operation)
        return blueprint

    @describe(
        READ,
        {
            200: Answer("The call.", CallRecordSchema, ("ETag",)),
            304: Answer("The version is still the one that `If-None-Match` names.", None, ("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(CallNotFoundError, PreconditionFailedError),
    )
    def get(self, call_id: str) -> Response:
        """Get a call: its state, its roster, its operations."""
        self._authorizer.require("read")
        call_id = normalize_id(call_id)
        record, operations = self._reader.call(call_id)
        if record is None and not operations:
            raise _not_found()
        # A call of which only operations have arrived has no record.
        call = representation.call(record) if record else {"callId": call_id, "state": None}
        listed = [representation.operation(operation) for operation in operations]
        response = representation.json_response({**call, "operations": listed})
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization"
        return add_version(response, _entity_tag(call_version(record, operations)))

    @describe(
        WRITE,
        {204: Answer("The call is deleted.")},
        parameters=(IF_MATCH, UNLESS_MATCH),
        problems=(CallNotFoundError, PreconditionFailedError),
    )
    def delete(self, call_id: str) -> Response:
        """Delete a call: state, roster, operations, and what names it in quarantine and change notifications."""
        self._authorizer.require("write")
        call_id = normalize_id(call_id)
        if not write_if(partial(self._check_deletion, call_id), partial(self._delete, call_id)):
            raise _not_found()
        return Response(status=204)

    @describe(
        READ,
        operation_responses(),
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(OperationNotFoundError, PreconditionFailedError),
    )
    def get_operation(self, call_id: str, operation_id: str) -> Response:
        """Get an operation by its ids, for one without a client context."""
        scopes = self._authorizer.require("read")
        record = self._reader.operation(normalize_id(call_id), normalize_id(operation_id))
        return operation_response(record, with_secrets="secrets" in scopes)

    def _check_deletion(self, call_id: str, conditions: Preconditions) -> str:
        record, operations = self._reader.call(call_id)
        version = call_version(record, operations)
        if record is not None or operations:
            conditions.require(_entity_tag(version))
        elif conditions.if_match is not None:
            raise _not_found()
        return version

    def _delete(self, call_id: str, version: str) -> bool:
        return self._eraser.delete_call(call_id, within=time_left(), version=version)


def _entity_tag(version: str) -> str:
    """Return a short hash of the version of a call and its operations."""
    return hashlib.blake2b(version.encode(), digest_size=12).hexdigest()


def _not_found() -> CallNotFoundError:
    return CallNotFoundError("No update of it has arrived, or it has been deleted.")
