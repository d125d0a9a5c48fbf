"""What all pages have in common: how they are rendered, their headers, their errors, their static files."""

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
from receiver.web.openapi.authentication_texts import HTML
from receiver.web.pages import time_text
from receiver.web.pages.json_markup import pretty
from receiver.web.pages.operation_wording import OVERDUE, state_word, type_words
from receiver.web.pages.static_files import register_static_files
from receiver.web.public_documents import VariedDocument

_THEN: Final = "where-to-go-after-signing-in"
"""Placeholder in the form for the address of the wanted page."""

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
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms, by which we know them over plain http.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Cookie, X-Fragment",
}


def render(template: str, status: int = 200, **context: object) -> Response:
    """Answer with a page, or with the live part of it where the page's own script asks for that."""
    response = Response(render_template(template, **context), status, content_type=HTML)
    response.headers.update(_HEADERS)
    return response


def is_fragment() -> bool:
    """Tell whether the page's own script asks, for the part that changes."""
    return "X-Fragment" in request.headers


def register_frame(blueprint: Blueprint, authorizer: Authorizer, spool: Spool | None) -> None:
    """Give the blueprint of the page its static files, its errors, and what every template needs."""
    static = register_static_files(blueprint)

    @blueprint.app_context_processor
    def common() -> dict[str, object]:
        scopes: frozenset[str] = getattr(g, "scopes", frozenset())
        return {
            "base": "fragment.html" if is_fragment() else "layout.html",
            "static": static,
            "scopes": scopes,
            "open_to_all": authorizer.open_to_all,
            "spool": spool,
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

    @blueprint.errorhandler(ReceiverError)
    def error(found: ReceiverError) -> Response:
        if isinstance(found, (UnauthenticatedError, NotConfiguredError)):
            return sign_in_form(closed=isinstance(found, NotConfiguredError))
        response = render("error.html", found.status, error=found)
        add_challenge(response, found)
        if found.retry_after is not None:
            response.headers["Retry-After"] = str(found.retry_after)
        return response


def public_page(response: Response) -> Response:
    """Give a public document the headers of a page."""
    vary = response.headers["Vary"]
    response.headers.update(_HEADERS)
    response.headers["Vary"] = vary
    return response


def public_error(found: ReceiverError) -> Response:
    """Answer with the page of an error to a client that need not have signed in."""
    return render("error.html", found.status, error=found, is_public=True, spool=None)


def sign_in_form(
    *, closed: bool = False, wrong: str = "", then: str | None = None, status: int = 401
) -> Response:
    """Answer with the form to sign in.

    Args:
        closed: no key is set, so nobody can.
        wrong: what was wrong with the last try.
        then: where to go afterwards; where the request wanted to go, if not given.
        status: of the answer, where something was wrong or the wanted page can't be shown.
    """
    wanted = request.full_path.rstrip("?") if then is None else then
    plain = request.path == "/" and not is_fragment() and not wrong
    page = _sign_in_page(closed=closed, wrong=wrong, fragment=is_fragment())
    response = page.at(str(escape(wanted))).answer(200 if plain else status)
    public_page(response).headers["Vary"] = f"{_HEADERS['Vary']}, Accept-Encoding"
    if response.status_code == 401:  # noqa: PLR2004
        add_challenge(response, UnauthenticatedError)
    return response


@lru_cache(maxsize=256)
def _sign_in_page(*, closed: bool, wrong: str, fragment: bool) -> VariedDocument:  # noqa: ARG001 - tells pages apart
    """Return the form, made once for each thing that may be wrong; where to go on differs for each request."""
    return VariedDocument(
        lambda: render_template("sign_in.html", closed=closed, wrong=wrong, then=_THEN), _THEN, HTML
    )


def _link(**arguments: object) -> str:
    """Return this page's path with other query arguments; those that are empty are left out."""
    given = {name: value for name, value in arguments.items() if value not in {"", None}}
    return request.path + (f"?{urlencode(given)}" if given else "")


def _quote(text: str) -> str:
    return quote(text, safe="")
