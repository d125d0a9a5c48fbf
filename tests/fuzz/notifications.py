"""Notifications made from the schemas that read them, and their mutations. Few ids: updates meet in one record."""

import copy
import json
from functools import cache
from typing import Any

from hypothesis import strategies as st
from marshmallow import Schema, fields

from receiver.graph.schemas import (
    OPERATION_SCHEMAS,
    CallSchema,
    ChangeNotificationSchema,
    DeltaParticipantsSchema,
    ParticipantSchema,
)
from tests.support.odd_notifications import ODD_VALUES, paths
from tests.support.service import CLIENT_STATE

CALLS = ["57dab8b1-894c-409a-b240-bd8beae78896", "57DAB8B1894C409AB240BD8BEAE78896", "call/2", ""]
OPERATIONS = [
    "0fe0623f-d628-42ed-b4bd-8ac290072cc5",
    "0FE0623FD62842EDB4BD8AC290072CC5",
    "op 2",
    "",
    "participants",
]
CLIENT_CONTEXTS = ["cc-1", "cc:2/ü{0}*", "\n", "x" * 256, "x" * 257, "", None]
STATUSES = ["notStarted", "Running", "completed", "FAILED", "paused", "", None]
STATES = ["incoming", "Establishing", "established", "terminated", "asleep", None]
COLLECTIONS = [
    "/operations/",
    "/participants",
    "/participants/",
    "/contentsharingsessions",
    "",
    "/Operations/",
]
PREFIXES = [
    "/communications/calls/",
    "/app/calls/",
    "communications/calls/",
    "https://graph.microsoft.com/v1.0/app/calls/",
]

TEXTS = st.text(max_size=8) | st.sampled_from(
    ["a\0b", "👋🏽", "Null", "0", "[]", "\ud83d", "../..", "receiver:{0}:next"]
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def of_field(field: "fields.Field[Any]") -> st.SearchStrategy[Any]:
    """Make values that a field of the schemas takes."""
    made: st.SearchStrategy[Any]
    if isinstance(field, fields.Nested):
        one = of_schema(type(field.schema))
        made = st.lists(one, max_size=2) if field.many else one
    elif isinstance(field, fields.List):
        made = st.lists(of_field(field.inner), max_size=2)
    elif isinstance(field, fields.Dict):
        made = st.dictionaries(TEXTS, JSON_VALUES, max_size=2)
    elif isinstance(field, fields.Boolean):
        made = st.booleans()
    elif isinstance(field, fields.String):
        made = TEXTS
    elif isinstance(field, fields.Raw):
        made = JSON_VALUES
    else:
        made = st.integers(-1, 600) | st.sampled_from(["0", " 408 ", "10057"])
    return made | st.none() if field.allow_none else made


def later(field: "fields.Field[Any]") -> st.SearchStrategy[Any]:
    """Make the same, only when values are drawn: schemas nest within one another."""
    return st.deferred(lambda: of_field(field))


@cache
def of_schema(schema: type[Schema]) -> st.SearchStrategy[dict[str, Any]]:
    """Make objects that a schema takes: any of its members, and one that it doesn't know."""
    members = {name: later(field) for name, field in schema().fields.items()}
    return st.fixed_dictionaries({}, optional={**members, "unheardOf": JSON_VALUES})


@st.composite
def operations(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from([*OPERATION_SCHEMAS, "brandNewOperation"]))
    made = draw(of_schema(OPERATION_SCHEMAS.get(name, OPERATION_SCHEMAS["commsOperation"])))
    made["@odata.type"] = draw(st.sampled_from(["#microsoft.graph.", "microsoft.graph.", ""])) + name
    made["id"] = draw(st.sampled_from([*OPERATIONS, None]))
    made["clientContext"] = draw(st.sampled_from(CLIENT_CONTEXTS))
    made["status"] = draw(st.sampled_from(STATUSES))
    return made


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    made = draw(of_schema(CallSchema))
    return {**made, "@odata.type": "#microsoft.graph.call", "state": draw(st.sampled_from(STATES))}


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Make one item of a callback."""
    resource = draw(
        st.one_of(
            operations(),
            calls(),
            st.lists(of_schema(ParticipantSchema), max_size=2),
            of_schema(DeltaParticipantsSchema) | st.lists(of_schema(DeltaParticipantsSchema), max_size=2),
            st.lists(operations(), max_size=2),
            JSON_VALUES,
        )
    )
    url = draw(st.sampled_from(PREFIXES)) + draw(st.sampled_from(CALLS)) + draw(st.sampled_from(COLLECTIONS))
    url += draw(st.sampled_from(OPERATIONS)) if url.endswith("/") else ""
    members = {
        "changeType": draw(st.sampled_from(["created", "Updated", "deleted", "unknownFutureValue", None])),
        "resourceUrl": url,
        "resource": url,
        "resourceData": resource,
    }
    for name in draw(st.sets(st.sampled_from(sorted(members)), max_size=1)):
        del members[name]
    return members


@st.composite
def registrations(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Make what a client registers: a client context, and the operation that Graph returned."""
    client_context = draw(st.sampled_from([name for name in CLIENT_CONTEXTS if name]))
    operation = {**draw(operations()), "clientContext": client_context}
    return client_context, draw(st.sampled_from([operation, operation, {}]))


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Make one item of a subscription."""
    made = draw(of_schema(ChangeNotificationSchema))
    state = draw(st.sampled_from([CLIENT_STATE, CLIENT_STATE, "another", "not ours", 7, None]))
    return {"subscriptionId": draw(TEXTS), **made, "clientState": state}


@st.composite
def envelopes(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    """Make a body's document; about every second one is mutated: values anywhere in it replaced or removed."""
    document: Any = {"value": draw(st.lists(inner, min_size=1, max_size=3))}
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        document = draw(mutations(document))
    return document


@st.composite
def mutations(draw: st.DrawFn, document: Any) -> Any:
    """Replace, remove or repeat a value somewhere in a document."""
    document = copy.deepcopy(document)
    path = draw(st.sampled_from(paths(document)))
    if not path:
        return draw(ODD_VALUES) if draw(st.booleans()) else document
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    how = draw(st.sampled_from(["replace", "replace", "remove", "repeat"]))
    if how == "remove":
        del holder[path[-1]]
    elif how == "repeat":
        holder[path[-1]] = [holder[path[-1]]] * 2
    else:
        holder[path[-1]] = draw(ODD_VALUES)
    return document


@st.composite
def bodies(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> bytes:
    """Make bodies; some are cut off, or have other bytes put in."""
    body = json.dumps(draw(envelopes(inner))).encode()
    if draw(st.integers(0, 9)):
        return body
    place = draw(st.integers(0, len(body)))
    return body[:place] + draw(st.binary(max_size=3)) + body[draw(st.integers(place, len(body))) :]
