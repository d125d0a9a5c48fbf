"""The cookies of the page, of a session and of a browser that has signed in: their names, and how browsers keep them.

Over https a name begins with `__Host-`. Such a cookie a browser takes only over https, from this very host and for all
of it, so neither a sibling domain nor an attacker on a plain connection can plant one (RFC 6265bis, section 4.1.3.2).
"""

from typing import Final, Literal, TypedDict

from flask import Response, request

HTTPS_NAME: Final = "__Host-receiver_session"

_PLAIN_NAME: Final = HTTPS_NAME.removeprefix("__Host-")


class _Flags(TypedDict):
    httponly: bool
    samesite: Literal["Strict"]
    secure: bool
    path: str


def session_id() -> str:
    """Return the session id that the request's cookie holds; empty, where there is none."""
    return request.cookies.get(_name(), "")


def set_session(response: Response, session_id: str, life: int) -> None:
    """Have the browser keep a session id, for `life` seconds."""
    response.set_cookie(_name(), session_id, max_age=life, **_flags())


def drop_session(response: Response) -> None:
    """Have the browser forget the session id."""
    response.delete_cookie(_name(), **_flags())


def browser() -> str:
    """Return the id of a browser that has signed in before, as its cookie has it; empty, where there is none."""
    return request.cookies.get(_browser_name(), "")


def set_browser(response: Response, browser: str, life: int) -> None:
    """Have the browser keep that it has signed in, for `life` seconds."""
    response.set_cookie(_browser_name(), browser, max_age=life, **_flags())


def _name() -> str:
    return HTTPS_NAME if request.is_secure else _PLAIN_NAME


def _browser_name() -> str:
    return "__Host-receiver_browser" if request.is_secure else "receiver_browser"


def _flags() -> _Flags:
    return {"httponly": True, "samesite": "Strict", "secure": request.is_secure, "path": "/"}
