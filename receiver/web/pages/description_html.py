"""Texts of the OpenAPI document as HTML: paragraphs with code in them, and the kind of value of a schema."""

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
    """Return a text as HTML, with the parts between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped right here


def prose(text: str) -> Markup:
    """Return paragraphs, separated by blank lines, as HTML."""
    return Markup().join(
        Markup("<p>{}</p>").format(inline(part)) for part in text.split("\n\n") if part.strip()
    )


def breakable(path: str) -> Markup:
    """Return a path as HTML that may be broken behind its slashes."""
    return Markup("/<wbr>").join(path.split("/"))


def kind_of(schema: dict[str, Any]) -> Markup:
    """Return the kind of value of a schema, such as `text or null` or `list of Call`, with links to named types."""
    return Markup(" or ").join(dict.fromkeys(_kinds(schema)))


def limits(schema: dict[str, Any]) -> str:
    """Return the limits of a schema in words: `1 to 200; 50 if absent`."""
    texts = []
    if "minimum" in schema and "maximum" in schema:
        texts.append(f"{schema['minimum']:,} to {schema['maximum']:,}")
    if "maxLength" in schema:
        texts.append(f"at most {schema['maxLength']} characters")
    if schema.get("default") not in {"", None}:
        texts.append(f"{schema['default']} if absent")
    return "; ".join(texts)


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
