"""Words of the OpenAPI document as HTML: paragraphs with code in them, and what kind of value a schema wants."""

import re
from collections.abc import Iterator
from typing import Any, Final

from markupsafe import Markup, escape

_CODE: Final = re.compile(r"`([^`]+)`")
_KINDS: Final = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "null",
}
_FORMATS: Final = {"date-time": "time", "uri-reference": "address"}


def inline(text: str) -> Markup:
    """Write a text as HTML, what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped right here


def prose(text: str) -> Markup:
    """Write paragraphs, which blank lines part, as HTML."""
    return Markup().join(
        Markup("<p>{}</p>").format(inline(part)) for part in text.split("\n\n") if part.strip()
    )


def breakable(path: str) -> Markup:
    """Write a path as HTML that may be broken behind its slashes."""
    return Markup("/<wbr>").join(path.split("/"))


def kind_of(schema: dict[str, Any]) -> Markup:
    """Say what a schema wants: `text or null`, `list of Call`, with a link to each type that has a name."""
    return Markup(" or ").join(dict.fromkeys(_kinds(schema)))


def limits(schema: dict[str, Any]) -> str:
    """Say how a value is limited beyond its kind: `1 to 200; 50 if absent`."""
    said = []
    if "minimum" in schema and "maximum" in schema:
        said.append(f"{schema['minimum']:,} to {schema['maximum']:,}")
    if "maxLength" in schema:
        said.append(f"at most {schema['maxLength']} characters")
    if schema.get("default") not in {"", None}:
        said.append(f"{schema['default']} if absent")
    return "; ".join(said)


def _kinds(schema: dict[str, Any]) -> Iterator[Markup]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield Markup('<a href="#type-{0}">{0}</a>').format(name)
    for one in schema.get("anyOf", ()):
        yield from _kinds(one)
    if "items" in schema:
        yield Markup("list of {}").format(kind_of(schema["items"]))
        return
    names = schema.get("type", [])
    for name in [names] if isinstance(names, str) else names:
        yield escape(
            _FORMATS.get(schema.get("format", ""), _KINDS[name]) if name == "string" else _KINDS[name]
        )
    if not schema.keys() & {"$ref", "anyOf", "type"}:
        yield Markup("anything")
