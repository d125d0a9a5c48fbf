"""The page of the quarantine: groups of equal entries, or the entries of one group."""

import time
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, g, request
from markupsafe import Markup

from receiver.graph.json_codec import JSON, parse
from receiver.graph.privacy import redact
from receiver.graph.quarantine_summary import explain_reason
from receiver.store.quarantine_reader import QuarantineEntry, QuarantineReader
from receiver.web.auth.authorizer import Authorizer
from receiver.web.openapi import Answer, describe
from receiver.web.openapi.authentication_texts import HTML, WRITE_PAGE
from receiver.web.openapi.route_parameters import only
from receiver.web.pages.description_html import inline
from receiver.web.pages.page_layout import render
from receiver.web.paging import ENTRY_ID

_ENTRIES: Final = 50
"""Entries of a group on one page."""

_GROUPS: Final = 50
"""Groups that the page shows, those with the newest entries; of the others it shows the number."""

_LONGEST_ID: Final = 40
"""Characters of a group's id in the query; the rest is cut off."""


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """An entry as the template shows it: alone, or as the newest of a group."""

    entry: QuarantineEntry
    count: int = 1
    first: int = 0

    @property
    def reason(self) -> str:
        """The reason why it can't be parsed, as a sentence."""
        return explain_reason(self.entry.reason)

    @property
    def title(self) -> Markup:
        """The reason as HTML."""
        return inline(self.reason)

    @property
    def received_by(self) -> str:
        """The route that received it."""
        return "/callback" if self.entry.contract == "callback" else "/notifications"

    @property
    def document(self) -> JSON:
        """The item without personal data, ids and secrets."""
        return parse(redact(self.entry.text).encode())


class QuarantinePageRoutes:
    """The route of the page of the quarantine.

    Args:
        quarantine: reads entries and groups.
        authorizer: checks keys and sessions.
    """

    def __init__(self, quarantine: QuarantineReader, authorizer: Authorizer) -> None:
        self._quarantine = quarantine
        self._authorizer = authorizer

    def add_routes(self, blueprint: Blueprint) -> None:
        """Add the route to a blueprint."""
        blueprint.get("/view/quarantine")(self.show_quarantine)

    @describe(
        WRITE_PAGE,
        {200: Answer("The page.", media_type=HTML)},
        parameters=(
            only("group", "Only the entries of this group."),
            only("cursor", "Where the previous page ended."),
        ),
    )
    def show_quarantine(self) -> Response:
        """Show the items in quarantine.

        It takes the scope `write`, as `GET /quarantine` does.
        """
        g.scopes = self._authorizer.require("write")
        group = request.args.get("group", "")[:_LONGEST_ID]
        return self._entries(group) if group else self._groups()

    def _groups(self) -> Response:
        groups = self._quarantine.groups()
        # An entry that was deleted since `groups` was read is left out with its group.
        ids = [each.newest.id for each in groups[:_GROUPS]]
        newest = {entry.id: entry for entry in self._quarantine.entries(ids)}
        views = [
            QuarantineView(newest[each.newest.id], each.count, each.first)
            for each in groups[:_GROUPS]
            if each.newest.id in newest
        ]
        return render("quarantine.html", views=views, left_out=max(0, len(groups) - _GROUPS), now=_now())

    def _entries(self, group: str) -> Response:
        cursor = request.args.get("cursor", "")
        before = cursor if ENTRY_ID.fullmatch(cursor) else None
        entries, following = self._quarantine.page(limit=_ENTRIES, before=before, group=group)
        views = [QuarantineView(entry) for entry in entries]
        return render(
            "quarantine.html", views=views, group=group, cursor=before, following=following, now=_now()
        )


def _now() -> int:
    return round(time.time() * 1000)
