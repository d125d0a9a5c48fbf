"""JSON as HTML: indented, with its tokens marked up for the style sheet, and escaped."""

import json
import re
from typing import Final

from markupsafe import Markup, escape

from receiver.graph.json_codec import JSON

_TOKEN: Final = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<literal>-?\d[\d.eE+-]*|true|false|null)'
)


def pretty(value: JSON) -> Markup:
    """Return a value as indented JSON in HTML: keys in `<b>`, texts in `<i>`, numbers and the like in `<u>`."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    pieces: list[str | Markup] = []
    end = 0
    for token in _TOKEN.finditer(text):
        pieces += [text[end : token.start()], _marked(token)]
        end = token.end()
    return Markup("").join([*pieces, text[end:]])


def _marked(token: re.Match[str]) -> Markup:
    tag = {"key": "b", "text": "i", "literal": "u"}[token.lastgroup or "text"]
    return Markup(f"<{tag}>{escape(token[0])}</{tag}>")  # noqa: S704 - escaped right here
