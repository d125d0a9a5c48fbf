"""Who may ask: the API key of a request, or of the session that its cookie names."""

from typing import Final

from flask import request

from receiver.errors import ForbiddenError, InsufficientScopeError
from receiver.trust.api_keys import SCOPES, APIKey, APIKeyRing
from receiver.web.auth import cookies
from receiver.web.auth.sessions import Sessions, name_of
from receiver.web.auth.sign_in_limit import SignInLimit
from receiver.web.middleware.request_context import vouch

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Authorizer:
    """Lets a request in, or not.

    Args:
        ring: the accepted keys.
        sessions: those who have signed in to the page.
        sign_in_limit: counts who tries to.
        open_to_all: nobody needs a key; only for the demo on a loopback address.
    """

    def __init__(
        self, ring: APIKeyRing, sessions: Sessions, sign_in_limit: SignInLimit, *, open_to_all: bool
    ) -> None:
        self._ring = ring
        self._sessions = sessions
        self._sign_in_limit = sign_in_limit
        self.open_to_all = open_to_all

    def knows(self, authorization: str) -> bool:
        """Tell whether a header holds a known key, whatever its scopes."""
        return self._ring.find(authorization) is not None

    def require(self, scope: str) -> frozenset[str]:
        """Return the scopes of the one who asks.

        A browser sends the cookie whoever makes it ask, so what changes something must come from our own page.

        Raises:
            NotConfiguredError: no key is set at all.
            InvalidAPIKeyError: there is neither a known key nor a session.
            InsufficientScopeError: the key lacks the scope.
            ForbiddenError: another site's page asks in the name of the one who is signed in.
        """
        authorization = request.headers.get("Authorization")
        if authorization is None and self.open_to_all:
            refuse_other_sites()
            return SCOPES
        key = None if authorization is not None else self._sessions.key_of(cookies.session_id())
        if key is None:
            scopes = self._ring.authorize(authorization, scope).scopes
            vouch()
            return scopes
        if request.method not in _SAFE and not is_from_our_page():
            raise _from_elsewhere()
        if scope not in key.scopes:
            raise InsufficientScopeError(scope)
        vouch()
        return key.scopes

    def has_key(self) -> bool:
        """Tell whether the request has an API key of ours, of whatever scope. Asks no store, so no session counts."""
        return self.open_to_all or self._ring.find(request.headers.get("Authorization")) is not None

    def session(self) -> str:
        """Return the name of the session that the request is let in by; empty, where it has a key or needs none."""
        if self.open_to_all or "Authorization" in request.headers:
            return ""
        return name_of(cookies.session_id())

    def is_open(self, session: str) -> bool:
        """Return whether a session, by its name, still counts; without one, True.

        Raises:
            StoreUnavailableError: the store does not answer in time.
        """
        return not session or self._sessions.is_open(session)

    def sign_in(self, key: str) -> str:
        """Begin a session with an API key, and return the session's id.

        Raises:
            NotConfiguredError, InvalidAPIKeyError, InsufficientScopeError: as `require` does.
            ForbiddenError: the form was another site's.
            TooManyTriesError: this client, or all together, try too often.
        """
        refuse_other_sites()
        self._sign_in_limit.count(request.remote_addr, cookies.browser())
        found: APIKey = self._ring.authorize(f"Bearer {key}", "read")
        return self._sessions.begin(found)

    def remember_browser(self) -> str:
        """Return an id that tells this browser, which has signed in, from strangers; empty where it has one."""
        return "" if self._sign_in_limit.knows(cookies.browser()) else self._sign_in_limit.remember()

    def sign_out(self) -> None:
        """End the session that the request's cookie names.

        Raises:
            ForbiddenError: it was not our own page that asked.
        """
        refuse_other_sites()
        self._sessions.end(cookies.session_id())


def is_from_our_page() -> bool:
    """Tell whether the browser says that a page of this receiver makes the request.

    `Sec-Fetch-Site` says so directly; browsers send it over https and to loopback addresses. `Origin` does for
    the rest. Its scheme is not compared: behind a router that ends TLS we don't know ours.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") in {f"https://{request.host}", f"http://{request.host}"}


def refuse_other_sites() -> None:
    """Refuse what would change something, where the browser says that another site's page makes the request.

    Raises:
        ForbiddenError: it does.
    """
    said = "Sec-Fetch-Site" in request.headers or "Origin" in request.headers
    if said and request.method not in _SAFE and not is_from_our_page():
        raise _from_elsewhere()


def _from_elsewhere() -> ForbiddenError:
    return ForbiddenError("With a session, only the receiver's own page may change something.")
