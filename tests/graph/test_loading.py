"""The compiled check of plain values agrees with the schema itself."""

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate

from receiver.graph import schemas
from receiver.graph.schema_loading import Loader
from receiver.graph.schemas import GraphSchema
from tests.support.odd_notifications import CHANGE, INFO, ITEMS, ODD_VALUES, PARTICIPANT, paths

SCHEMAS = sorted(
    {found for found in vars(schemas).values() if isinstance(found, type) and issubclass(found, GraphSchema)},
    key=lambda found: found.__name__,
)
LOADERS = {schema.__name__: (Loader(schema()), schema()) for schema in SCHEMAS}
RESOURCES = [
    *ITEMS,
    *(item["resourceData"] for item in ITEMS if isinstance(item.get("resourceData"), dict)),
    {"value": ITEMS},
    CHANGE,
    INFO,
    PARTICIPANT,
    {"identity": {"user": {"id": "u", "displayName": None}}, "hidden": True},
    {"participants": ["a"], "prompts": [{"a": 1}], "mediaConfig": {"a": []}, "clientContext": "x" * 256},
]


@st.composite
def resources(draw: st.DrawFn) -> Any:
    """Generate a resource of Graph, or one with a value replaced by an odd one."""
    resource = copy.deepcopy(draw(st.sampled_from(RESOURCES)))
    if draw(st.booleans()):
        *above, last = draw(st.sampled_from(paths(resource)[1:]))
        holder = resource
        for step in above:
            holder = holder[step]
        holder[last] = draw(ODD_VALUES | st.sampled_from([True, 1, 1.0, "true", "0", [], {}, [None], [{}]]))
    return resource


@given(st.sampled_from(sorted(LOADERS)), resources() | ODD_VALUES)
@example("ResultInfoSchema", {"code": True})
@example("InvitationParticipantInfoSchema", {"hidden": 1})
@example("CommsOperationSchema", {"clientContext": "x" * 257})
@example("ChangeNotificationSchema", {"subscriptionId": None})
@example("CommsNotificationsSchema", {"value": None})
@example("CommsNotificationsSchema", {})
def test_loader_agrees_with_the_schema(name: str, value: Any) -> None:
    loader, schema = LOADERS[name]
    assert _outcome(loader, value) == _outcome(schema, value)


@pytest.mark.parametrize("resource", RESOURCES[: len(ITEMS)])
def test_item_of_graph_is_plain(resource: Any) -> None:
    assert LOADERS["CommsNotificationSchema"][0].is_plain(resource)


def test_plain_operation_is_not_copied() -> None:
    operation = ITEMS[0]["resourceData"] | {"resultInfo": {"code": 200, "subcode": 0, "message": None}}
    loader = LOADERS["InviteParticipantsOperationSchema"][0]
    assert loader.load(operation) is operation


class _Upper(fields.String):
    def _deserialize(self, *args: Any, **options: Any) -> str:
        return super()._deserialize(*args, **options).upper()


class _Hooked(GraphSchema):
    @post_load
    def change(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "x": "changed"}


class _HookedBefore(GraphSchema):
    @pre_load
    def change(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "x": "changed"}


class _Closed(Schema):
    class Meta:
        unknown = EXCLUDE


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (GraphSchema.from_dict({"x": _Upper()}), {"x": "a"}),
        (GraphSchema.from_dict({"x": fields.Integer()}), {"x": "1"}),
        (GraphSchema.from_dict({"x": fields.String(attribute="y")}), {"x": "a"}),
        (GraphSchema.from_dict({"x": fields.String(data_key="y")}), {"y": "a"}),
        (GraphSchema.from_dict({"x": fields.String(load_default="z")}), {}),
        (GraphSchema.from_dict({"x": fields.String(post_load=[str.upper])}), {"x": "a"}),
        (GraphSchema.from_dict({"x": fields.String(validate=validate.OneOf(["b"]))}), {"x": "a"}),
        (GraphSchema.from_dict({"x": fields.String(validate=validate.Length(equal=2))}), {"x": "a"}),
        (GraphSchema.from_dict({"x": fields.String(validate=validate.Length(min=2, max=3))}), {"x": "a"}),
        (GraphSchema.from_dict({"x": fields.Boolean(validate=lambda value: value)}), {"x": True}),
        (GraphSchema.from_dict({"x": fields.Dict(values=fields.Integer())}), {"x": {"a": "1"}}),
        (GraphSchema.from_dict({"x": fields.List(fields.String())}), {"x": [None]}),
        (GraphSchema.from_dict({"x": fields.Nested(_Hooked)}), {"x": {}}),
        (GraphSchema.from_dict({"x": fields.Nested(GraphSchema, unknown=EXCLUDE)}), {"x": {"a": 1}}),
        (_Hooked, {}),
        (_HookedBefore, {}),
        (_Closed, {"a": 1}),
    ],
)
def test_unrecognised_field_is_left_to_the_schema(schema: type[Schema], value: Any) -> None:
    assert _outcome(Loader(schema()), value) == _outcome(schema(), value)


def test_unrecognised_field_may_be_absent() -> None:
    schema = GraphSchema.from_dict({"x": fields.Integer(), "y": fields.String()})
    assert schema().unknown == INCLUDE
    assert Loader(schema()).is_plain({"y": "a"})
    assert not Loader(schema()).is_plain({"x": 1})


def _outcome(loads: Loader | Schema, value: Any) -> object:
    """Return the loaded value as JSON, so that True, 1 and 1.0 differ, or the errors."""
    try:
        return json.dumps(loads.load(value), sort_keys=True)
    except ValidationError as error:
        return error.messages
