"""Flask without what no route of ours uses: sessions, async views, URL building, hosts that choose routes."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter


class LeanFlask(Flask):
    """A Flask app whose requests cost less; it overrides what Flask documents to be overridden."""

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.session_interface = _NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is: none of ours is async."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the route of a request; nothing for any other purpose: no URL is built.

        Raises:
            SecurityError: the host is not one of `TRUSTED_HOSTS`, if that is set.
        """
        if request is None:
            return None
        request.trusted_hosts = self.config["TRUSTED_HOSTS"]
        return MapAdapter(
            self.url_map,
            server_name=request.host if request.trusted_hosts else "",  # asking for it is the check
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode("latin-1"),
        )


class _NoSessions(SessionInterface):
    """The page has sessions of its own, in the store."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask's signature
        return self._none

    def save_session(self, *_: object) -> None:
        """Keep nothing."""
