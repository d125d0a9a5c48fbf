"""Loading with a marshmallow schema, and the quick look that nearly always spares it.

From a schema a check is compiled, which tells whether a value is *plainly* valid: `schema.load` would find nothing
wrong with it, and change nothing in it. Nearly all that Graph sends is so. What a check does not recognise (a field
of an unknown kind, an option of marshmallow's that it does not know, a value that would be converted) it calls not
plain, and then the schema itself decides. So the schema stays the one source.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from marshmallow import INCLUDE, Schema, fields, missing, validate

Check: TypeAlias = Callable[[Any], bool]
_Rule: TypeAlias = tuple[frozenset[type], Check]
"""The types of which every value is plain, and a check for values of any other."""

_UNKNOWN_OPTIONS: Final = ("attribute", "dump_only", "pre_load", "post_load")
"""What may make a field's outcome differ from what comes in."""


class Loader:
    """Loads what a schema describes.

    Args:
        schema: of one object; open, as all of Graph's are.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.is_plain: Check = _of_schema(schema)

    def load(self, value: Any) -> dict[str, Any]:
        """Return what `schema.load` would; the value itself, where that would change nothing.

        Raises:
            ValidationError: the schema finds something wrong.
        """
        if self.is_plain(value):
            return value  # type: ignore[no-any-return] # the check saw that it is an object
        loaded: dict[str, Any] = self._schema.load(value)
        return loaded


def _of_schema(schema: Schema) -> Check:
    if schema.unknown != INCLUDE or schema.partial or type(schema).resolve_hooks():
        return _never
    if any(field.data_key or field.load_default is not missing for field in schema.fields.values()):
        return _never
    required = frozenset(name for name, field in schema.fields.items() if field.required)
    rules = {name: _rule(field) for name, field in schema.fields.items()}
    return _of_members({name: rule for name, rule in rules.items() if rule[1] is not _always}, required)


def _of_members(rules: Mapping[str, _Rule], required: frozenset[str]) -> Check:
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


def _rule(field: "fields.Field[Any]") -> _Rule:
    if any(getattr(field, option) for option in _UNKNOWN_OPTIONS):
        return frozenset(), _never
    types, check = _of_kind(field)
    return (types | {type(None)} if field.allow_none else types), check


def _of_kind(field: "fields.Field[Any]") -> _Rule:
    kind = type(field)
    if kind is fields.String and field.validators:
        return frozenset(), _of_length(field.validators)
    if field.validators:
        return frozenset(), _never
    if kind in _TYPES:
        return frozenset({_TYPES[kind]}), _never
    return frozenset(), _COMPILERS.get(kind, _of_own_kind)(field)


def _of_length(validators: "list[Any]") -> Check:
    [length, *others] = validators
    if others or type(length) is not validate.Length or length.equal is not None or length.max is None:
        return _never
    least, most = length.min or 0, length.max
    return lambda value: type(value) is str and least <= len(value) <= most


def _of_own_kind(field: Any) -> Check:
    own: Check = getattr(field, "is_plain", _never)
    return own


def _of_nested(field: Any) -> Check:
    if field.unknown not in {None, INCLUDE}:
        return _never
    of_one = _of_schema(field.schema)
    return _of_list(of_one) if field.many else of_one


def _of_dict(field: Any) -> Check:
    keys = field.key_field
    is_open = field.value_field is None and type(keys) is fields.String and not keys.validators
    return (lambda value: type(value) is dict) if is_open else _never


def _of_items(field: Any) -> Check:
    types, check = _rule(field.inner)
    return _of_list(lambda value: type(value) in types or check(value))


def _of_list(of_one: Check) -> Check:
    return lambda value: type(value) is list and all(map(of_one, value))


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


_TYPES: Final[Mapping[type, type]] = {fields.String: str, fields.Boolean: bool}
_COMPILERS: Final[Mapping[type, Callable[[Any], Check]]] = {
    fields.Nested: _of_nested,
    fields.List: _of_items,
    fields.Dict: _of_dict,
    fields.Raw: lambda field: _always if field.allow_none else lambda value: value is not None,
}
"""By the exact kind of field: a subclass may do anything."""
