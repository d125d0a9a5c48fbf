"""`/docs`: every route, for people; `/problems/<type>`: what went wrong, and what to do about it."""

import inspect
from typing import Final

from flask import Blueprint, Response

from receiver.errors import NotFoundError, ReceiverError
from receiver.web.openapi import Answer, describe
from receiver.web.openapi.access import HTML, PUBLIC_PAGE
from receiver.web.openapi.advice import ADVICE
from receiver.web.openapi.document import Document
from receiver.web.page.frame import render
from receiver.web.page.prose import breakable, inline, kind_of, limits, prose
from receiver.web.page.reference import answering_with, groups
from receiver.web.problems import address_of

_PROBLEMS: Final[dict[str, type[ReceiverError]]] = {error.type: error for error in ADVICE}


def register_docs(blueprint: Blueprint, document: Document) -> None:
    """Add the pages of documentation."""
    for words in (inline, prose, breakable, kind_of, limits):
        blueprint.add_app_template_filter(words)

    @blueprint.get("/docs")
    @describe(PUBLIC_PAGE, {200: Answer("The page.", media_type=HTML)})
    def docs() -> Response:
        """Show this documentation."""
        return render("docs.html", document=document.content, groups=groups(document.content))

    @blueprint.get("/problems/<kind>")
    @describe(PUBLIC_PAGE, {200: Answer("The page.", media_type=HTML)}, problems=(NotFoundError,))
    def problem(kind: str) -> Response:
        """Explain a type of problem: what it means, and what to do about it."""
        error = _PROBLEMS.get(kind)
        if error is None:
            raise NotFoundError("There is no problem of this type.")
        return render(
            "problem.html",
            error=error,
            meaning=inspect.getdoc(error) or "",
            advice=ADVICE[error],
            routes=answering_with(document.content, address_of(error)),
        )
