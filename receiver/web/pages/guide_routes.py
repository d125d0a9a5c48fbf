"""`/docs/guides/<guide>`: the guides, which lie beside this file as Markdown and can be read on a code host as well."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, render_template

from receiver.errors import NotFoundError, PreconditionFailedError
from receiver.web.openapi import Answer, describe
from receiver.web.openapi.authentication_texts import HTML, PUBLIC_PAGE
from receiver.web.openapi.route_parameters import IF_MATCH, IF_NONE_MATCH
from receiver.web.pages.guide_html import GuidePage, guide_html
from receiver.web.pages.page_layout import public_page
from receiver.web.public_documents import PublicDocument

_FOLDER: Final = Path(__file__).parent / "guides"

GUIDE_TITLES: Final = {
    "getting-started": "Getting started",
    "graph-address": "Give Graph the receiver's address",
    "api-by-curl": "The API by curl",
    "waiting": "Waiting and streaming",
    "python-client": "Python client",
    "command-line": "Command line",
    "settings": "Settings",
    "guarantees": "Guarantees and limits",
    "operating": "Operating",
}
"""The guides in the order in which they are listed; a guide's file is `<name>.md`, and its title the first heading."""


def register_guides(blueprint: Blueprint) -> None:
    """Add the route of the guides, and their list to what every template gets."""

    @blueprint.app_context_processor
    def guide_titles() -> dict[str, object]:
        return {"guides": GUIDE_TITLES}

    blueprint.get("/docs/guides/<guide>")(show_guide)


@describe(
    PUBLIC_PAGE,
    {
        200: Answer("The page.", always=("ETag",), media_type=HTML),
        304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
    },
    parameters=(IF_MATCH, IF_NONE_MATCH),
    problems=(NotFoundError, PreconditionFailedError),
)
def show_guide(guide: str) -> Response:
    """Show a guide."""
    if guide not in GUIDE_TITLES:
        raise NotFoundError("There is no guide of this name; /docs lists them.")
    return public_page(_document(guide).answer_with_version())


@lru_cache(maxsize=len(GUIDE_TITLES))
def _document(name: str) -> PublicDocument:
    """Return the page of a guide, made once for a process: it depends on no request."""
    page = render_template(
        "guide.html", base="layout.html", scopes=frozenset(), name=name, guide=_read_guide(name)
    )
    return PublicDocument.make(page.encode(), HTML)


def _read_guide(name: str) -> GuidePage:
    return guide_html((_FOLDER / f"{name}.md").read_text(encoding="utf-8"))
