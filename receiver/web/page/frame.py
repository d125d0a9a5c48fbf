"""What all pages have in common: how they are rendered, their headers, their errors, their static files."""

import hashlib
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, g, render_template, request, send_from_directory

from receiver.errors import NotConfiguredError, PreconditionFailedError, ReceiverError, UnauthenticatedError
from receiver.graph.schemas import OPERATION_SCHEMAS
from receiver.store.spool import Spool
from receiver.web.access import Gate
from receiver.web.challenges import answer_challenge
from receiver.web.openapi import Answer, describe
from receiver.web.openapi.access import HTML, PUBLIC_PAGE
from receiver.web.page import times
from receiver.web.page.pretty import pretty
from receiver.web.page.wording import OVERDUE, state_word, type_words

_STATIC: Final = Path(__file__).parents[1] / "static"
_A_YEAR: Final = 365 * 86400
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


def register_frame(blueprint: Blueprint, gate: Gate, spool: Spool | None) -> None:
    """Give the blueprint of the page its static files, its errors, and what every template needs."""
    version = _version()

    @blueprint.get("/static/<given>/<name>")
    @describe(
        PUBLIC_PAGE,
        {
            200: Answer("The file.", always=("ETag",), media_type="*/*"),
            206: Answer("The part that `Range` names.", always=("ETag",), media_type="*/*"),
            304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
        },
        problems=(PreconditionFailedError,),
    )
    def static(given: str, name: str) -> Response:
        """Get a style sheet, a script or an image of the pages."""
        response = send_from_directory(_STATIC, name, max_age=_A_YEAR if given == version else 0)
        if response.status_code == PreconditionFailedError.status:  # werkzeug would send the file with it
            raise PreconditionFailedError("The file is another version than the request names.")
        if given == version:
            response.cache_control.public = True
            response.cache_control.immutable = True
        return response

    @blueprint.app_context_processor
    def common() -> dict[str, object]:
        scopes: frozenset[str] = getattr(g, "scopes", frozenset())
        return {
            "base": "fragment.html" if is_fragment() else "layout.html",
            "static": f"/static/{version}",
            "scopes": scopes,
            "open_to_all": gate.open_to_all,
            "spool": spool,
            "address": request.host_url.rstrip("/"),
            "statuses": _STATUSES,
            "types": sorted(OPERATION_SCHEMAS, key=type_words),
            "state_word": state_word,
            "type_words": type_words,
            "times": times,
            "pretty": pretty,
            "quote": _quote,
            "link": _link,
        }

    @blueprint.errorhandler(ReceiverError)
    def error(found: ReceiverError) -> Response:
        if isinstance(found, (UnauthenticatedError, NotConfiguredError)):
            return sign_in_form(closed=isinstance(found, NotConfiguredError))
        response = render("error.html", found.status, error=found)
        answer_challenge(response, found)
        if found.retry_after is not None:
            response.headers["Retry-After"] = str(found.retry_after)
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
    response = render("sign_in.html", 200 if plain else status, closed=closed, wrong=wrong, then=wanted)
    if response.status_code == 401:  # noqa: PLR2004
        answer_challenge(response, UnauthenticatedError)
    return response


def _link(**arguments: object) -> str:
    """Return this page's path with other query arguments; those that are empty are left out."""
    given = {name: value for name, value in arguments.items() if value not in {"", None}}
    return request.path + (f"?{urlencode(given)}" if given else "")


def _quote(text: str) -> str:
    return quote(text, safe="")


def _version() -> str:
    """Name the present contents of the static files, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted(_STATIC.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
