"""Fast loading with marshmallow schemas: a compiled check that nearly always replaces `schema.load`.

A check is compiled from a schema. It returns whether a value is *plain*: `schema.load` would accept it and change
nothing in it, as is true of nearly all that Graph sends. Anything that a check does not recognise (a field of an
unknown kind, an unknown option of marshmallow, a value that would be converted) is not plain, and the schema itself
decides. So the schema stays the single source.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from marshmallow import INCLUDE, Schema, fields, missing, validate

Check: TypeAlias = Callable[[Any], bool]
_Rule: TypeAlias = tuple[frozenset[type], Check]
"""The types whose values are all plain, and a check for values of any other type."""

_UNKNOWN_OPTIONS: Final = ("attribute", "dump_only", "pre_load", "post_load")
"""Options that may make a field's result differ from its input."""


class Loader:
    """Loads objects by a schema.

    Args:
        schema: the schema of one object; unknown members are kept, as in all of Graph's types.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.is_plain: Check = _compile_schema(schema)

    def load(self, value: Any) -> dict[str, Any]:
        """Return the result of `schema.load`; the value itself, where that would change nothing.

        Raises:
            ValidationError: the value does not match the schema.
        """
        if self.is_plain(value):
            return value  # type: ignore[no-any-return] # the check ensures that it is an object
        loaded: dict[str, Any] = self._schema.load(value)
        return loaded


def _compile_schema(schema: Schema) -> Check:
    if schema.unknown != INCLUDE or schema.partial or type(schema).resolve_hooks():
        return _never
    if any(field.data_key or field.load_default is not missing for field in schema.fields.values()):
        return _never
    required = frozenset(name for name, field in schema.fields.items() if field.required)
    rules = {name: _compile_field(field) for name, field in schema.fields.items()}
    return _compile_members({name: rule for name, rule in rules.items() if rule[1] is not _always}, required)


def _compile_members(rules: Mapping[str, _Rule], required: frozenset[str]) -> Check:
    find = rules.get

    def is_plain(value: Any) -> bool:
        if type(value) is not dict or (required and not required <= value.keys()):
            return False
        for name, member in value.items():  # Graph sends fewer members than a schema has fields
            rule = find(name)
            if rule is not None and type(member) not in rule[0] and not rule[1](member):
                return False
        return True

    return is_plain


def _compile_field(field: "fields.Field[Any]") -> _Rule:
    if any(getattr(field, option) for option in _UNKNOWN_OPTIONS):
        return frozenset(), _never
    types, check = _compile_by_class(field)
    return (types | {type(None)} if field.allow_none else types), check


def _compile_by_class(field: "fields.Field[Any]") -> _Rule:
    kind = type(field)
    if kind is fields.String and field.validators:
        return frozenset(), _compile_length(field.validators)
    if field.validators:
        return frozenset(), _never
    if kind in _TYPES:
        return frozenset({_TYPES[kind]}), _never
    return frozenset(), _COMPILERS.get(kind, _compile_custom)(field)


def _compile_length(validators: "list[Any]") -> Check:
    [length, *others] = validators
    if others or type(length) is not validate.Length or length.equal is not None or length.max is None:
        return _never
    least, most = length.min or 0, length.max
    return lambda value: type(value) is str and least <= len(value) <= most


def _compile_custom(field: Any) -> Check:
    own: Check = getattr(field, "is_plain", _never)
    return own


def _compile_nested(field: Any) -> Check:
    if field.unknown not in {None, INCLUDE}:
        return _never
    is_plain_item = _compile_schema(field.schema)
    return _list_of(is_plain_item) if field.many else is_plain_item


def _compile_dict(field: Any) -> Check:
    keys = field.key_field
    is_open = field.value_field is None and type(keys) is fields.String and not keys.validators
    return (lambda value: type(value) is dict) if is_open else _never


def _compile_items(field: Any) -> Check:
    types, check = _compile_field(field.inner)
    return _list_of(lambda value: type(value) in types or check(value))


def _list_of(is_plain_item: Check) -> Check:
    return lambda value: type(value) is list and all(map(is_plain_item, value))


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


_TYPES: Final[Mapping[type, type]] = {fields.String: str, fields.Boolean: bool}
_COMPILERS: Final[Mapping[type, Callable[[Any], Check]]] = {
    fields.Nested: _compile_nested,
    fields.List: _compile_items,
    fields.Dict: _compile_dict,
    fields.Raw: lambda field: _always if field.allow_none else lambda value: value is not None,
}
"""Compilers by the exact class of a field: a subclass may behave differently."""
