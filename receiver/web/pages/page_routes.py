"""The routes of the page: operations, one operation, one call."""

import time
from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, g, request

from receiver.errors import CallNotFoundError, OperationNotFoundError
from receiver.graph.resource_addresses import normalize_id
from receiver.metrics.slow_answers import AnswerCounts
from receiver.spool.spool_queue import Spool
from receiver.store.quarantine_reader import QuarantineReader
from receiver.store.reader import OperationFilter, Reader
from receiver.web.auth.authorizer import Authorizer
from receiver.web.openapi import Answer, describe
from receiver.web.openapi.authentication_texts import FIRST_PAGE, HTML, PAGE
from receiver.web.openapi.openapi_document import Document
from receiver.web.openapi.route_parameters import only
from receiver.web.pages.docs_routes import DocsRoutes
from receiver.web.pages.guide_routes import register_guides
from receiver.web.pages.operation_search import Query, find
from receiver.web.pages.page_layout import PageLayout, render
from receiver.web.pages.quarantine_page import QuarantinePageRoutes
from receiver.web.pages.record_views import CallView, OperationView
from receiver.web.pages.sign_in_routes import SignInRoutes
from receiver.web.paging import RECORD_NUMBER

_OTHERS: Final = 20
"""Further operations of a client context that the page of one shows."""

_OF_A_CALL: Final = 200
"""Operations that the page of a call shows, the newest ones."""

_LONGEST_TEXT: Final = 300
"""Characters of a search; the rest is cut off. A client context has at most 256."""

_A_PAGE: Final = {200: Answer("The page.", media_type=HTML)}
_QUERY: Final = (
    only("status", "Only operations of this status."),
    only("type", "Only operations of this type."),
    only("q", "Only operations with this text in their names or ids."),
    only("cursor", "Where the previous page ended."),
)


class PageRoutes:
    """The routes of the page, and of the pages beside it: sign-in, documentation, guides, quarantine.

    Args:
        reader: reads operations and calls.
        quarantine: reads the quarantine.
        authorizer: checks keys and sessions.
        document: the OpenAPI document, shown at `/docs`.
        recent_answers: returns the responses to Graph of the last ten minutes.
        spool: the queue on disk, for the notice of waiting notifications; None where there is none.
    """

    def __init__(
        self,
        reader: Reader,
        quarantine: QuarantineReader,
        authorizer: Authorizer,
        document: Document,
        *,
        recent_answers: Callable[[], AnswerCounts],
        spool: Spool | None,
    ) -> None:
        self._reader = reader
        self._authorizer = authorizer
        self._recent_answers = recent_answers
        self._layout = PageLayout(authorizer, spool)
        self._others = (
            SignInRoutes(authorizer),
            DocsRoutes(document),
            QuarantinePageRoutes(quarantine, authorizer),
        )

    def blueprint(self) -> Blueprint:
        """Return the blueprint with these routes."""
        blueprint = Blueprint("page", "receiver.web.pages", template_folder="templates")
        self._layout.add_to(blueprint)
        for routes in self._others:
            routes.add_routes(blueprint)
        register_guides(blueprint)
        blueprint.get("/")(self.show_operations)
        blueprint.get("/view/operation/<number>")(self.show_operation)
        blueprint.get("/view/call/<call_id>")(self.show_call)
        return blueprint

    @describe(FIRST_PAGE, _A_PAGE, parameters=_QUERY)
    def show_operations(self) -> Response:
        """Show the operations, newest first, as they come and change.

        A client without a session gets the form to sign in.
        """
        g.scopes = self._authorizer.require("read")
        query = _read_query()
        found = find(self._reader, query)
        now = _now()
        return render(
            "operations.html",
            query=query,
            operations=[OperationView(record, now) for record in found.operations],
            found=found,
            longest_text=_LONGEST_TEXT,
            answers=self._recent_answers(),
            now=now,
        )

    @describe(PAGE, _A_PAGE, problems=(OperationNotFoundError,))
    def show_operation(self, number: str) -> Response:
        """Show one operation."""
        g.scopes = self._authorizer.require("read")
        record = self._reader.by_number(int(number)) if RECORD_NUMBER.fullmatch(number) else None
        if record is None:
            raise OperationNotFoundError("The receiver has no update of it, or it has been deleted.")
        now = _now()
        same = OperationFilter(client_context=record.client_context)
        others = self._reader.operations(same, limit=_OTHERS + 1).operations if record.client_context else ()
        return render(
            "operation.html",
            one=OperationView(record, now),
            others=[OperationView(other, now) for other in others if other.number != record.number],
            now=now,
        )

    @describe(PAGE, _A_PAGE, problems=(CallNotFoundError,))
    def show_call(self, call_id: str) -> Response:
        """Show a call with its roster and operations."""
        g.scopes = self._authorizer.require("read")
        wanted = normalize_id(call_id)
        record, operations = self._reader.call(wanted)
        if record is None and not operations:
            raise CallNotFoundError("The receiver has no update of it, or it has been deleted.")
        now = _now()
        shown = tuple(OperationView(one, now) for one in operations[:_OF_A_CALL])
        view = CallView(wanted, record, shown, now)
        return render("call.html", call=view, left_out=len(operations) - len(shown), now=now)


def _read_query() -> Query:
    """Return the search in the query string; arguments of another form are ignored."""
    cursor = request.args.get("cursor", "")
    return Query(
        status=request.args.get("status", "")[:_LONGEST_TEXT],
        type=request.args.get("type", "")[:_LONGEST_TEXT],
        text=request.args.get("q", "").strip()[:_LONGEST_TEXT],
        cursor=int(cursor) if RECORD_NUMBER.fullmatch(cursor) else None,
    )


def _now() -> int:
    return round(time.time() * 1000)
