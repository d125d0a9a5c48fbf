"""`/calls`: a call as far as Graph has told of it, and its operations by their ids."""

from flask import Blueprint, Response

from receiver.errors import CallNotFoundError, OperationNotFoundError
from receiver.graph.addresses import normalize_id
from receiver.store.eraser import Eraser
from receiver.store.reader import Reader
from receiver.web import representation
from receiver.web.access import Gate
from receiver.web.context import time_left
from receiver.web.openapi import READ, WRITE, Answer, describe
from receiver.web.openapi.answers import CallRecordSchema
from receiver.web.openapi.parameters import IF_NONE_MATCH
from receiver.web.operations import operation_answer, operation_answers


def make_calls(reader: Reader, eraser: Eraser, gate: Gate) -> Blueprint:
    """Make the routes of calls."""
    blueprint = Blueprint("calls", __name__)

    @blueprint.get("/calls/<call_id>")
    @describe(READ, {200: Answer("The call.", CallRecordSchema)}, problems=(CallNotFoundError,))
    def show(call_id: str) -> Response:
        """Tell a call: its state, its roster, its operations."""
        gate.require("read")
        wanted = normalize_id(call_id)
        record, operations = reader.call(wanted)
        if record is None and not operations:
            raise _unknown()
        # Of a call whose own news has not come, only the operations are known.
        told = representation.call(record) if record else {"callId": wanted, "state": None}
        listed = [representation.operation(operation) for operation in operations]
        return representation.answer({**told, "operations": listed})

    @blueprint.delete("/calls/<call_id>")
    @describe(WRITE, {204: Answer("Nothing is left of it.")}, problems=(CallNotFoundError,))
    def forget(call_id: str) -> Response:
        """Forget a call: state, roster, its operations, and what names it in quarantine and change notifications."""
        gate.require("write")
        if not eraser.forget_call(normalize_id(call_id), within=time_left()):
            raise _unknown()
        return Response(status=204)

    @blueprint.get("/calls/<call_id>/operations/<operation_id>")
    @describe(READ, operation_answers(), parameters=(IF_NONE_MATCH,), problems=(OperationNotFoundError,))
    def operation(call_id: str, operation_id: str) -> Response:
        """Tell an operation by its ids, for one without a client context."""
        scopes = gate.require("read")
        record = reader.operation(normalize_id(call_id), normalize_id(operation_id))
        return operation_answer(record, secrets_too="secrets" in scopes)

    return blueprint


def _unknown() -> CallNotFoundError:
    return CallNotFoundError("No news of it has come yet, or it has been forgotten.")
