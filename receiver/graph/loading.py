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
    if schema.unknown != INCLUDE or schema.partial or schema._hooks:
        return _never
    if any(field.data_key or field.load_default is not missing for field in schema.fields.values()):
        return _never
    required = frozenset(name for name, field in schema.fields.items() if field.required)
    checks = {name: _of_field(field) for name, field in schema.fields.items()}
    return _of_members({name: check for name, check in checks.items() if check is not _always}, required)


def _of_members(checks: Mapping[str, Check], required: frozenset[str]) -> Check:
    find = checks.get

    def is_plain(value: Any) -> bool:
        if type(value) is not dict or not required <= value.keys():
            return False
        for name, member in value.items():  # Graph sends fewer members than a schema has fields
            check = find(name)
            if check is not None and not check(member):
                return False
        return True

    return is_plain


def _of_field(field: "fields.Field[Any]") -> Check:
    if any(getattr(field, option) for option in _UNKNOWN_OPTIONS):
        return _never
    check = _of_kind(field)
    if check is _always or not field.allow_none:
        return check
    return lambda value: value is None or check(value)


def _of_kind(field: "fields.Field[Any]") -> Check:
    if type(field) is fields.String:
        return _of_string(field.validators)
    if field.validators:
        return _never
    compiler = _COMPILERS.get(type(field))
    if compiler is not None:
        return compiler(field)
    own: Check = getattr(field, "is_plain", _never)
    return own


def _of_string(validators: "list[Any]") -> Check:
    if not validators:
        return lambda value: type(value) is str
    [length, *others] = validators
    if others or type(length) is not validate.Length or length.equal is not None or length.max is None:
        return _never
    least, most = length.min or 0, length.max
    return lambda value: type(value) is str and least <= len(value) <= most


def _of_nested(field: Any) -> Check:
    if field.unknown not in {None, INCLUDE}:
        return _never
    of_one = _of_schema(field.schema)
    return _of_list(of_one) if field.many else of_one


def _of_dict(field: Any) -> Check:
    keys = field.key_field
    is_open = field.value_field is None and type(keys) is fields.String and not keys.validators
    return (lambda value: type(value) is dict) if is_open else _never


def _of_list(of_one: Check) -> Check:
    return lambda value: type(value) is list and all(map(of_one, value))


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


_COMPILERS: Final[Mapping[type, Callable[[Any], Check]]] = {
    fields.Boolean: lambda _: lambda value: value is True or value is False,
    fields.Nested: _of_nested,
    fields.List: lambda field: _of_list(_of_field(field.inner)),
    fields.Dict: _of_dict,
    fields.Raw: lambda field: _always if field.allow_none else _never,
}
"""By the exact type: a subclass may do anything."""
