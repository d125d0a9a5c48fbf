"""A guide as HTML: Markdown with an anchor on each heading, and links between guides as the receiver serves them.

Pure: it gets the text and knows no files and no requests. Raw HTML in a guide is shown as text.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_GUIDE_LINK: Final = re.compile(r"([a-z-]+)\.md(#[\w-]+)?", re.ASCII)
"""A link between guides as a code host follows it: `waiting.md`, `settings.md#the-store`."""

_LISTED_HEADING: Final = "h2"


@dataclass(frozen=True, slots=True)
class GuidePage:
    """A guide as HTML.

    Args:
        title: the text of its first heading.
        headings: anchor and text of each section.
        body: the HTML, its first heading included.
    """

    title: str
    headings: tuple[tuple[str, str], ...]
    body: Markup


def guide_html(text: str) -> GuidePage:
    """Return the Markdown of a guide as HTML."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    headings = _add_anchors(tokens)
    for token in tokens:
        for part in token.children or ():
            if part.type == "link_open":
                part.attrs["href"] = served_address(str(part.attrs["href"]))
    body = markdown.renderer.render(_with_wide_tables(tokens), markdown.options, {})
    title = next(said for tag, _, said in headings if tag == "h1")
    listed = tuple((anchor, said) for tag, anchor, said in headings if tag == _LISTED_HEADING)
    return GuidePage(title, listed, Markup(body))  # noqa: S704 - rendered without raw HTML


def served_address(link: str) -> str:
    """Return the address that the receiver serves for a link: that of a guide, or the link itself."""
    if (found := _GUIDE_LINK.fullmatch(link)) is None:
        return link
    return f"/docs/guides/{found[1]}{found[2] or ''}"


def heading_anchor(heading: str) -> str:
    """Return the anchor that code hosts give a heading, so that a link to it works there and here."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _add_anchors(tokens: Sequence[Token]) -> list[tuple[str, str, str]]:
    """Give each heading an id; return tag, id and text of each."""
    found: list[tuple[str, str, str]] = []
    used: Counter[str] = Counter()
    for token, content in pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(part.content for part in content.children or ())
        anchor = heading_anchor(text)
        used[anchor] += 1
        if used[anchor] > 1:
            anchor = f"{anchor}-{used[anchor] - 1}"
        token.attrs["id"] = anchor
        found.append((token.tag, anchor, text))
    return found


def _with_wide_tables(tokens: Sequence[Token]) -> list[Token]:
    """Wrap each table, which on a narrow screen scrolls by itself, also from the keyboard."""
    wrapped: list[Token] = []
    for token in tokens:
        if token.type == "table_open":
            attributes: dict[str, str | int | float] = {
                "class": "wide",
                "role": "group",
                "aria-label": "Table",
                "tabindex": "0",
            }
            wrapped.append(Token("guide_table_open", "div", 1, attrs=attributes, block=True))
        wrapped.append(token)
        if token.type == "table_close":
            wrapped.append(Token("guide_table_close", "div", -1, block=True))
    return wrapped
