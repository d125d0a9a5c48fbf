"""The operation id of each route, which names the function in a generated client: verb and noun, `getOperation`."""

from typing import Final

OPERATION_IDS: Final[dict[str, str]] = {
    "GET /operations/{clientContext}": "getOperation",
    "PUT /operations/{clientContext}": "registerOperation",
    "DELETE /operations/{clientContext}": "deleteOperation",
    "GET /operations": "listOperations",
    "GET /calls/{callId}": "getCall",
    "DELETE /calls/{callId}": "deleteCall",
    "GET /calls/{callId}/operations/{operationId}": "getOperationOfCall",
    "GET /events": "streamEvents",
    "POST /callback": "receiveCallNotifications",
    "POST /callback/{appId}": "receiveCallNotificationsOfApp",
    "POST /notifications": "receiveNotifications",
    "GET /notifications": "listNotifications",
    "GET /quarantine": "listQuarantine",
    "POST /quarantine/{entryId}/replay": "replayQuarantineEntry",
    "DELETE /quarantine/{entryId}": "deleteQuarantineEntry",
    "DELETE /quarantine/groups/{groupId}": "deleteQuarantineGroup",
    "GET /livez": "getLiveness",
    "GET /readyz": "getReadiness",
    "GET /metrics": "getMetrics",
    "GET /openapi.json": "getOpenapiDocument",
    "GET /static/{given}/{name}": "getStaticFile",
    "POST /sign-in": "signIn",
    "POST /sign-out": "signOut",
    "GET /docs": "showDocumentation",
    "GET /docs/guides/{guide}": "showGuide",
    "GET /problems/{kind}": "showProblem",
    "GET /": "showOperations",
    "GET /view/operation/{number}": "showOperation",
    "GET /view/call/{callId}": "showCall",
    "GET /view/quarantine": "showQuarantine",
}
"""By method and path, as they stand in the document."""
