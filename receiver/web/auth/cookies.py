"""The cookies of the page: one for a session, one for a browser that has signed in before; names and attributes.

Over https a name begins with `__Host-`. A browser accepts such a cookie only over https, from this host and for all its
paths, so neither a sibling domain nor an attacker on a plain connection can set one (RFC 6265bis, 4.1.3.2).
"""

from typing import Final, Literal, TypedDict

from flask import Response, request

HTTPS_NAME: Final = "__Host-receiver_session"

_PLAIN_NAME: Final = HTTPS_NAME.removeprefix("__Host-")


class _Attributes(TypedDict):
    httponly: bool
    samesite: Literal["Strict"]
    secure: bool
    path: str


def session_id() -> str:
    """Return the session id in the request's cookie; empty without one."""
    return request.cookies.get(_session_name(), "")


def set_session(response: Response, session_id: str, life: int) -> None:
    """Set the cookie with a session id, for `life` seconds."""
    response.set_cookie(_session_name(), session_id, max_age=life, **_attributes())


def drop_session(response: Response) -> None:
    """Delete the cookie with the session id."""
    response.delete_cookie(_session_name(), **_attributes())


def browser() -> str:
    """Return the id in the cookie of a browser that has signed in before; empty without one."""
    return request.cookies.get(_browser_name(), "")


def set_browser(response: Response, browser: str, life: int) -> None:
    """Set the cookie of a browser that has signed in, for `life` seconds."""
    response.set_cookie(_browser_name(), browser, max_age=life, **_attributes())


def _session_name() -> str:
    return HTTPS_NAME if request.is_secure else _PLAIN_NAME


def _browser_name() -> str:
    return "__Host-receiver_browser" if request.is_secure else "receiver_browser"


def _attributes() -> _Attributes:
    return {"httponly": True, "samesite": "Strict", "secure": request.is_secure, "path": "/"}
