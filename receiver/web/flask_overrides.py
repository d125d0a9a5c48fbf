"""Flask without what no route of ours uses, and every request pays for.

Left out: sessions, async views, URL building, hosts that choose routes, signals at the end of a context.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.globals import request_ctx
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_Hooks: TypeAlias = tuple[list[Callable[[], Any]], list[Callable[[Any], Any]]]
"""What is called before a view, and what after it."""

_PlainRules: TypeAlias = Mapping[tuple[str, str], Rule]


class LeanFlask(Flask):
    """A Flask app whose requests cost less; it overrides what Flask documents to be overridden."""

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.session_interface = _NoSessions()
        self._hooks: dict[str | None, _Hooks] = {}

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
        return _Adapter(
            self._plain_rules,
            self.url_map,
            server_name=request.host if request.trusted_hosts else "",  # asking for it is the check
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode("latin-1"),
        )

    def full_dispatch_request(self) -> Response:
        """Have the request answered, and tell nobody by signals."""
        self._got_first_request = True
        try:
            answer = self.preprocess_request()
            if answer is None:
                answer = self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - each has a handler, or is raised again there
            answer = self.handle_user_exception(error)
        return self.process_response(self.make_response(answer))

    def preprocess_request(self) -> Any:
        """Call what stands before the view; the first answer that comes is the answer."""
        for function in self._hooks_of(request_ctx.request)[0]:
            if (answer := function()) is not None:
                return answer
        return None

    def process_response(self, response: Response) -> Response:
        """Call what stands after the view."""
        context: RequestContext = request_ctx._get_current_object()  # type: ignore[attr-defined]
        for function in (*context._after_request_functions, *self._hooks_of(context.request)[1]):
            response = function(response)  # type: ignore[assignment] # no hook of ours is async
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call what stands at the end of a request."""
        if self.teardown_request_funcs:
            super().do_teardown_request(exc)

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """Call what stands at the end of an app's context."""
        if self.teardown_appcontext_funcs:
            super().do_teardown_appcontext(exc)

    def _hooks_of(self, request: Request) -> _Hooks:
        rule = request.url_rule
        endpoint = rule.endpoint if rule else None
        if endpoint not in self._hooks:
            names = (None, *reversed(request.blueprints))
            self._hooks[endpoint] = (
                [function for name in names for function in self.before_request_funcs.get(name, ())],
                [
                    function
                    for name in reversed(names)
                    for function in reversed(self.after_request_funcs.get(name, ()))
                ],
            )
        return self._hooks[endpoint]

    @cached_property
    def _plain_rules(self) -> _PlainRules:
        """The rules that match one path only. After the first request Flask takes no others, nor hooks."""
        rules = [rule for rule in self.url_map.iter_rules() if not rule.arguments]
        return {(method, rule.rule): rule for rule in rules for method in rule.methods or ()}


class WholeResponse(Response):
    """An answer that is at hand: no stream, nothing to do when it is sent, no `Location`."""

    default_mimetype = None

    def get_wsgi_response(
        self, environ: "WSGIEnvironment"
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """Return the body, the status and the headers."""
        if self.status_code not in _WITH_BODY or environ["REQUEST_METHOD"] == "HEAD":
            return super().get_wsgi_response(environ)
        body: list[bytes] = self.response  # type: ignore[assignment]
        self.headers.set("Content-Length", str(sum(map(len, body))))
        return body, self.status, self.headers.to_wsgi_list()


_WITH_BODY = frozenset({200, 202})


class _Adapter(MapAdapter):
    """Finds the rule of a path without variables in a table, and leaves all others to werkzeug."""

    def __init__(self, plain_rules: _PlainRules, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._plain_rules = plain_rules

    def match(self, *args: Any, **more: Any) -> Any:
        """Return the rule, or its endpoint, and the values of its variables."""
        rule = self._plain_rules.get((self.default_method, self.path_info))
        return (rule, {}) if rule and more == _AS_FLASK_ASKS else super().match(*args, **more)


_AS_FLASK_ASKS = {"return_rule": True}


class _NoSessions(SessionInterface):
    """The page has sessions of its own, in the store."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask's signature
        return self._none

    def save_session(self, *_: object) -> None:
        """Keep nothing."""
