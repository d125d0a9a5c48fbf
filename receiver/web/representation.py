"""Records as JSON, as clients get them: Graph's member names, times in RFC 3339, no secrets unless allowed.

Graph's values are stored as JSON text, and returned as they are, without being parsed again; only `resultInfo` and
`completionReason` are, for `result`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import orjson
from flask import Response

from receiver.graph.privacy import public_members, without_secrets
from receiver.graph.results import result_of
from receiver.graph.statuses import ENDED_RANK, state_rank
from receiver.graph.updates import Members
from receiver.store.reader import StreamEntry
from receiver.store.records import CallRecord, Conflict, OperationRecord

RETRY_AFTER: Final = 2
"""Seconds after which a client is to ask again for an operation that is not done."""


def json_response(document: object, status: int = 200) -> Response:
    """Return a document as a JSON response; it may hold `orjson.Fragment`."""
    return Response(orjson.dumps(document), status, content_type="application/json")


@lru_cache(maxsize=1024)  # most times stand twice in a record
def timestamp(milliseconds: int) -> str:
    """Return a time, given in ms since 1970, as RFC 3339 text."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def operation(record: OperationRecord, *, secrets: bool = False) -> dict[str, object]:
    """Represent an operation; it holds secrets only for a key with the scope `secrets`."""
    members = record.members if secrets else public_members(record.members)
    return {
        "clientContext": record.client_context or None,
        "callId": record.call_id or None,
        "operationId": record.operation_id or None,
        "tenantId": record.tenant_id or None,
        "type": record.type or None,
        "status": record.status or None,
        "done": record.done,
        "overdue": record.overdue,
        "due": None if record.due is None else timestamp(record.due),
        "operation": {
            "@odata.type": f"#microsoft.graph.{record.type}" if record.type else None,
            "id": record.operation_id or None,
            "clientContext": record.client_context or None,
            "status": record.status or None,
            **_fragments(members),
        },
        "result": _result(record.status, members),
        "timeline": _timeline("status", record.times),
        "firstSeen": timestamp(record.first_seen),
        "updated": timestamp(record.updated),
        "revision": record.revision,
        "notifications": record.notifications,
        "duplicates": record.duplicates,
        "conflict": _conflict(record.conflict, secrets=secrets),
        **({} if record.others is None else {"others": record.others}),
    }


def receipt(record: OperationRecord) -> dict[str, object]:
    """Represent an operation for a key that may register it but not read it."""
    return {"clientContext": record.client_context, "status": record.status or None, "done": record.done}


def call(record: CallRecord) -> dict[str, object]:
    """Represent a call."""
    return {
        "callId": record.call_id,
        "tenantId": record.tenant_id or None,
        "state": record.state or None,
        "ended": state_rank(record.state) == ENDED_RANK,
        "call": {
            "@odata.type": "#microsoft.graph.call",
            "id": record.call_id,
            "state": record.state or None,
            **_fragments(public_members(record.members)),
        },
        "roster": None if record.roster is None else orjson.Fragment(without_secrets(record.roster)),
        "tones": [orjson.Fragment(without_secrets(tone)) for tone in record.tones],
        "participantNotifications": [
            orjson.Fragment(without_secrets(text)) for text in record.participant_notifications
        ],
        "timeline": _timeline("state", record.times),
        "firstSeen": timestamp(record.first_seen),
        "updated": timestamp(record.updated),
        "revision": record.revision,
        "notifications": record.notifications,
        "duplicates": record.duplicates,
    }


def change(entry: StreamEntry) -> dict[str, object]:
    """Represent a change notification."""
    return {
        "id": entry.id,
        "at": timestamp(entry.at),
        "notification": orjson.Fragment(without_secrets(entry.fields["text"])),
    }


def _fragments(members: Members) -> dict[str, object]:
    return {name: orjson.Fragment(text) for name, text in members.items()}


def _result(status: str, members: Members) -> dict[str, object] | None:
    result = result_of(status, members)
    if result is None:
        return None
    return {"code": result.code, "subcode": result.subcode, "text": result.text}


def _timeline(what: str, times: Mapping[str, int]) -> list[dict[str, str]]:
    return [{what: name, "at": timestamp(at)} for name, at in sorted(times.items(), key=lambda time: time[1])]


def _conflict(conflict: Conflict | None, *, secrets: bool) -> dict[str, object] | None:
    if conflict is None:
        return None
    members = conflict.members if secrets else public_members(conflict.members)
    return {
        "status": conflict.status,
        "at": timestamp(conflict.at),
        "operation": {"status": conflict.status, **_fragments(members)},
    }
