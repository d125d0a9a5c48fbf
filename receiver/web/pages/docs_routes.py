"""`/docs`: every route, as a page; `/problems/<type>`: the meaning of a problem, and what to do about it."""

import inspect
import re
from functools import partial
from typing import Final

from flask import Blueprint, Response, render_template, request

from receiver.errors import NotFoundError, PreconditionFailedError, ReceiverError
from receiver.web.openapi import Answer, describe
from receiver.web.openapi.authentication_texts import HTML, PUBLIC_PAGE
from receiver.web.openapi.openapi_document import Document
from receiver.web.openapi.problem_advice import ADVICE
from receiver.web.openapi.route_parameters import IF_MATCH, IF_NONE_MATCH
from receiver.web.pages.description_html import breakable, inline, kind_of, limits, prose
from receiver.web.pages.page_layout import public_page
from receiver.web.pages.route_reference import answering_with, groups
from receiver.web.problems import address_of
from receiver.web.public_documents import PublicDocument, VariedDocument

_ADDRESS: Final = "http://[receiver-address]"
"""Placeholder in the page for the receiver's address; `curl` gets it in quotes, as it has characters of the shell."""

_PLAIN_ADDRESS: Final = re.compile(r"https?://(?:[\w.-]+|\[[\w.:]+\])(?::\d+)?", re.ASCII)

_PROBLEMS: Final[dict[str, type[ReceiverError]]] = {error.type: error for error in ADVICE}


class DocsRoutes:
    """The routes of the documentation.

    Args:
        document: the OpenAPI document.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._docs = VariedDocument(partial(_make_docs, document), _ADDRESS, HTML)
        self._problems: dict[str, PublicDocument] = {}

    def add_routes(self, blueprint: Blueprint) -> None:
        """Add the routes, and the filters of their templates, to a blueprint."""
        for text_filter in (inline, prose, breakable, kind_of, limits):
            blueprint.add_app_template_filter(text_filter)
        blueprint.get("/docs")(self.show_docs)
        blueprint.get("/problems/<kind>")(self.show_problem)

    @describe(
        PUBLIC_PAGE,
        {
            200: Answer("The page.", always=("ETag",), media_type=HTML),
            304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(PreconditionFailedError,),
    )
    def show_docs(self) -> Response:
        """Show this documentation."""
        return public_page(self._docs.at(_address()).answer_with_version())

    @describe(
        PUBLIC_PAGE,
        {
            200: Answer("The page.", always=("ETag",), media_type=HTML),
            304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(NotFoundError, PreconditionFailedError),
    )
    def show_problem(self, kind: str) -> Response:
        """Explain a type of problem: what it means, and what to do about it."""
        if kind not in _PROBLEMS:
            raise NotFoundError("There is no problem of this type.")
        if kind not in self._problems:
            page = _make_problem(self._document, kind)
            self._problems[kind] = PublicDocument.make(page.encode(), HTML)
        return public_page(self._problems[kind].answer_with_version())


def _make_docs(document: Document) -> str:
    return _render("docs.html", document=document.content, groups=groups(document.content), address=_ADDRESS)


def _make_problem(document: Document, kind: str) -> str:
    error = _PROBLEMS[kind]
    return _render(
        "problem.html",
        error=error,
        meaning=inspect.getdoc(error) or "",
        advice=ADVICE[error],
        routes=answering_with(document.content, address_of(error)),
    )


def _render(template: str, **context: object) -> str:
    """Render a page that is the same for every request."""
    return render_template(template, base="layout.html", scopes=frozenset(), **context)


def _address() -> str:
    """Return the receiver's address as the client wrote it, if it is safe in a shell; else that of a local one."""
    address = request.host_url.rstrip("/")
    return address if _PLAIN_ADDRESS.fullmatch(address) else "http://127.0.0.1:8000"
