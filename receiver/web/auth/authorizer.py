"""Authorization of a request: by its API key, or by the session that its cookie names."""

from typing import Final

from flask import request

from receiver.errors import ForbiddenError, InsufficientScopeError
from receiver.trust.api_keys import SCOPES, APIKey, APIKeyRing
from receiver.web.auth import cookies
from receiver.web.auth.sessions import Sessions, name_of
from receiver.web.auth.sign_in_limit import SignInLimit
from receiver.web.middleware.request_context import mark_authenticated

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Authorizer:
    """Checks the scopes of requests, and begins and ends sessions of the page.

    Args:
        ring: the accepted API keys.
        sessions: the sessions of the page.
        sign_in_limit: limits attempts to sign in.
        open_to_all: no key is needed; only for the demo on a loopback address.
    """

    def __init__(
        self, ring: APIKeyRing, sessions: Sessions, sign_in_limit: SignInLimit, *, open_to_all: bool
    ) -> None:
        self._ring = ring
        self._sessions = sessions
        self._sign_in_limit = sign_in_limit
        self.open_to_all = open_to_all

    def knows(self, authorization: str) -> bool:
        """Return whether an `Authorization` header has a known key, with any scopes."""
        return self._ring.find(authorization) is not None

    def require(self, scope: str) -> frozenset[str]:
        """Return the scopes of the request, which include the required one.

        A browser sends the cookie with requests of any site's pages, so a request with a session that changes something
        must be from the receiver's own page.

        Raises:
            NotConfiguredError: RECEIVER_API_KEYS is not set.
            InvalidAPIKeyError: the request has neither a known key nor a session.
            InsufficientScopeError: the key lacks the scope.
            ForbiddenError: another site's page makes the request with the user's session.
        """
        authorization = request.headers.get("Authorization")
        if authorization is None and self.open_to_all:
            reject_cross_site_request()
            return SCOPES
        key = None if authorization is not None else self._sessions.key_of(cookies.session_id())
        if key is None:
            scopes = self._ring.authorize(authorization, scope).scopes
            mark_authenticated()
            return scopes
        if request.method not in _SAFE and not is_same_origin():
            raise _cross_site_error()
        if scope not in key.scopes:
            raise InsufficientScopeError(scope)
        mark_authenticated()
        return key.scopes

    def has_key(self) -> bool:
        """Return whether the request has a known API key, with any scopes. It does not ask the store for sessions."""
        return self.open_to_all or self._ring.find(request.headers.get("Authorization")) is not None

    def session(self) -> str:
        """Return the name of the session that authorizes the request; empty if it has a key or needs none."""
        if self.open_to_all or "Authorization" in request.headers:
            return ""
        return name_of(cookies.session_id())

    def is_open(self, session: str) -> bool:
        """Return whether a session is still open, by its name; True for the empty name.

        Raises:
            StoreUnavailableError: the store does not answer in time.
        """
        return not session or self._sessions.is_open(session)

    def sign_in(self, key: str) -> str:
        """Begin a session with an API key, and return the session's id.

        Raises:
            NotConfiguredError, InvalidAPIKeyError, InsufficientScopeError: as `require` does.
            ForbiddenError: the form is another site's.
            TooManyAttemptsError: this client, or all clients together, have reached the limit.
        """
        reject_cross_site_request()
        self._sign_in_limit.count(request.remote_addr, cookies.browser())
        found: APIKey = self._ring.authorize(f"Bearer {key}", "read")
        return self._sessions.begin(found)

    def remember_browser(self) -> str:
        """Return a new id for a browser that has signed in; empty if the browser has one already."""
        return "" if self._sign_in_limit.knows(cookies.browser()) else self._sign_in_limit.remember()

    def sign_out(self) -> None:
        """End the session that the request's cookie names.

        Raises:
            ForbiddenError: another site's page makes the request.
        """
        reject_cross_site_request()
        self._sessions.end(cookies.session_id())


def is_same_origin() -> bool:
    """Return whether a page of this receiver makes the request, by the browser's headers.

    `Sec-Fetch-Site` is decisive; browsers send it over https and to loopback addresses. Without it `Origin` is
    compared, except its scheme: behind a router that ends TLS the receiver does not know its own.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") in {f"https://{request.host}", f"http://{request.host}"}


def reject_cross_site_request() -> None:
    """Reject a request that would change something, if another site's page makes it.

    Raises:
        ForbiddenError: the browser's headers name another site.
    """
    has_origin = "Sec-Fetch-Site" in request.headers or "Origin" in request.headers
    if has_origin and request.method not in _SAFE and not is_same_origin():
        raise _cross_site_error()


def _cross_site_error() -> ForbiddenError:
    return ForbiddenError(
        "A session authorizes changes only from the receiver's own page. Send an API key instead."
    )
