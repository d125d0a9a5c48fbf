"""Examples of bodies, by schema. `receiver.web.representation` makes those of answers, as it makes the answers."""

from typing import Any, Final

import orjson
from marshmallow import Schema

from receiver.graph.json_codec import JSON, dump
from receiver.store.records import CallRecord, OperationRecord
from receiver.web import representation
from receiver.web.openapi import body_schemas, response_schemas

_CLIENT_CONTEXT: Final = "7ea89c5d-771b-4cbc-9922-a0ba00548069"
_CALL: Final = "fa0f5238-af94-457b-8a7e-3cb57ee5af15"
_OPERATION: Final = "00fce55b-0cad-4b63-941d-c42f8e9eecbe"
_TENANT: Final = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
_BEGAN: Final = 1_795_481_800_678
_ENDED: Final = 1_795_481_861_563
_PARTICIPANTS: Final[list[JSON]] = [
    {"identity": {"user": {"id": "112f7296-5fa4-42ca-bae8-6a692b15d4b8", "displayName": "Ann Example"}}}
]
_RESULT: Final[JSON] = {"code": 408, "subcode": 10057, "message": "Nobody answered."}

_OPERATION_RECORD: Final = OperationRecord(
    number=1,
    client_context=_CLIENT_CONTEXT,
    call_id=_CALL,
    operation_id=_OPERATION,
    tenant_id=_TENANT,
    type="inviteParticipantsOperation",
    status="failed",
    members={"participants": dump(_PARTICIPANTS), "resultInfo": dump(_RESULT)},
    times={"running": _BEGAN, "failed": _ENDED},
    first_seen=_BEGAN,
    updated=_ENDED,
    revision=2,
    notifications=1,
    duplicates=0,
    conflict=None,
)
_CALL_RECORD: Final = CallRecord(
    call_id=_CALL,
    tenant_id=_TENANT,
    state="established",
    members={"direction": '"outgoing"'},
    roster=dump([{"id": "1", "info": _PARTICIPANTS[0], "isMuted": False}]),
    times={"establishing": _BEGAN - 4000, "established": _BEGAN - 1000},
    first_seen=_BEGAN - 4000,
    updated=_BEGAN - 1000,
    revision=3,
    notifications=3,
    duplicates=0,
    tones=('{"sequenceId":1,"tone":"tone5"}',),
)

_RESOURCE: Final = {
    "@odata.type": "#microsoft.graph.inviteParticipantsOperation",
    "clientContext": _CLIENT_CONTEXT,
    "id": _OPERATION,
    "status": "failed",
    "resultInfo": _RESULT,
    "participants": _PARTICIPANTS,
}


def _as_json(document: object) -> Any:
    return orjson.loads(orjson.dumps(document))


_OPERATION_JSON: Final = _as_json(representation.operation(_OPERATION_RECORD))

EXAMPLES: Final[dict[type[Schema], Any]] = {
    response_schemas.OperationRecordSchema: {**_OPERATION_JSON, "others": 0},
    response_schemas.OperationPageSchema: {"operations": [_OPERATION_JSON], "next": "1"},
    response_schemas.CallRecordSchema: {
        **_as_json(representation.call(_CALL_RECORD)),
        "operations": [_OPERATION_JSON],
    },
    response_schemas.RegistrationSchema: {
        "clientContext": _CLIENT_CONTEXT,
        "status": "running",
        "done": False,
    },
    response_schemas.LifeSchema: {"status": "alive"},
    response_schemas.ReadinessSchema: {
        "status": "ready",
        "checks": {
            "store": "ok",
            "spool": "ok",
            "signingKeys": "ok",
            "loops": "ok",
            "records": "ok",
            "callback": "ok",
            "queries": "ok",
        },
        "spool": {"waiting": 0, "oldestSeconds": None, "dead": 0, "bytes": 24576},
    },
    body_schemas.CallNotificationsSchema: {
        "@odata.type": "#microsoft.graph.commsNotifications",
        "value": [
            {
                "@odata.type": "#microsoft.graph.commsNotification",
                "changeType": "deleted",
                "resourceUrl": f"/communications/calls/{_CALL}/operations/{_OPERATION}",
                "resourceData": _RESOURCE,
            }
        ],
    },
    body_schemas.OPERATION.schema: {**_RESOURCE, "status": "running", "resultInfo": None},
}
