"""The frame of all pages: rendering, headers, errors and static files."""

from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, g, render_template, request
from markupsafe import escape

from receiver.errors import NotConfiguredError, ReceiverError, UnauthenticatedError
from receiver.graph.schemas import OPERATION_SCHEMAS
from receiver.spool.spool_queue import Spool
from receiver.web.auth.authorizer import Authorizer
from receiver.web.auth.challenges import add_challenge
from receiver.web.auth.sessions import SESSION_SECONDS
from receiver.web.openapi.authentication_texts import HTML
from receiver.web.pages import time_text
from receiver.web.pages.json_markup import pretty
from receiver.web.pages.operation_wording import OVERDUE, state_word, type_words
from receiver.web.pages.static_files import StaticFileRoutes
from receiver.web.public_documents import VariedDocument

_THEN: Final = "where-to-go-after-signing-in"
"""Placeholder in the form for the address of the requested page."""

_STATUSES: Final = ["notStarted", "running", OVERDUE, "completed", "failed"]

_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    # Not `no-referrer`: browsers then send `Origin: null` with the page's own forms, whose `Origin` is checked.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Cookie, X-Fragment",
}


def render(template: str, status: int = 200, **context: object) -> Response:
    """Return a page, or only its live part where the page's own script requests it."""
    response = Response(render_template(template, **context), status, content_type=HTML)
    response.headers.update(_HEADERS)
    return response


def is_fragment() -> bool:
    """Return whether the page's own script requests the live part."""
    return "X-Fragment" in request.headers


class PageLayout:
    """The static files, the errors and the variables of every template.

    Args:
        authorizer: returns whether the demo is open to all.
        spool: the queue on disk, for the notice of waiting notifications; None without one.
    """

    def __init__(self, authorizer: Authorizer, spool: Spool | None) -> None:
        self._authorizer = authorizer
        self._spool = spool
        self._static_files = StaticFileRoutes()

    def add_to(self, blueprint: Blueprint) -> None:
        """Add them to the blueprint of the pages."""
        self._static_files.add_routes(blueprint)
        blueprint.app_context_processor(self._variables)
        blueprint.register_error_handler(ReceiverError, _error_page)

    def _variables(self) -> dict[str, object]:
        scopes: frozenset[str] = getattr(g, "scopes", frozenset())
        return {
            "base": "fragment.html" if is_fragment() else "layout.html",
            "static": self._static_files.path,
            "scopes": scopes,
            "open_to_all": self._authorizer.open_to_all,
            "spool": self._spool,
            "address": request.host_url.rstrip("/"),
            "statuses": _STATUSES,
            "types": sorted(OPERATION_SCHEMAS, key=type_words),
            "state_word": state_word,
            "type_words": type_words,
            "times": time_text,
            "pretty": pretty,
            "quote": _quote,
            "link": _link,
        }


def public_page(response: Response) -> Response:
    """Set the headers of a page on a public document, and return it."""
    vary = response.headers["Vary"]
    response.headers.update(_HEADERS)
    response.headers["Vary"] = vary
    return response


def public_error(found: ReceiverError) -> Response:
    """Return the page of an error to a client that may not have signed in."""
    return render("error.html", found.status, error=found, is_public=True, spool=None)


def sign_in_form(
    *, closed: bool = False, wrong: str = "", then: str | None = None, status: int = 401
) -> Response:
    """Return the form to sign in.

    Args:
        closed: no API key is set, so no client can sign in.
        wrong: the error of the last attempt.
        then: the path to open after signing in; that of the request, if not given.
        status: of the answer, after a failed attempt or where the requested page needs a session.
    """
    wanted = request.full_path.rstrip("?") if then is None else then
    plain = request.path == "/" and not is_fragment() and not wrong
    page = _sign_in_page(closed=closed, wrong=wrong, fragment=is_fragment())
    response = page.at(str(escape(wanted))).answer(200 if plain else status)
    public_page(response).headers["Vary"] = f"{_HEADERS['Vary']}, Accept-Encoding"
    if response.status_code == 401:  # noqa: PLR2004
        add_challenge(response, UnauthenticatedError)
    return response


def _error_page(error: ReceiverError) -> Response:
    if isinstance(error, (UnauthenticatedError, NotConfiguredError)):
        return sign_in_form(closed=isinstance(error, NotConfiguredError))
    response = render("error.html", error.status, error=error)
    add_challenge(response, error)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


@lru_cache(maxsize=256)
def _sign_in_page(*, closed: bool, wrong: str, fragment: bool) -> VariedDocument:  # noqa: ARG001 - a key of the cache
    """Return the form, rendered once for each error; only the path to open after it differs between requests."""
    return VariedDocument(
        lambda: render_template(
            "sign_in.html", closed=closed, wrong=wrong, then=_THEN, session_hours=SESSION_SECONDS // 3600
        ),
        _THEN,
        HTML,
    )


def _link(**arguments: object) -> str:
    """Return this page's path with other query arguments, without empty ones."""
    given = {name: value for name, value in arguments.items() if value not in {"", None}}
    return request.path + (f"?{urlencode(given)}" if given else "")


def _quote(text: str) -> str:
    return quote(text, safe="")
