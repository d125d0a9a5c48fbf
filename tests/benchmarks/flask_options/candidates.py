"""Overrides of Flask, each a mixin of its own so that it can be measured alone.

`ShortRouting` is the receiver's; the others were tried, gain too little, and are kept here as evidence. They reach
into private names of Flask 3.1, which the receiver itself does not. `SCHEMAS_ONLY` has every item loaded by its
marshmallow schema.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Request, Response
from flask.globals import request_ctx
from flask.sessions import NullSession, SessionInterface

from receiver.graph.schema_loading import Loader
from receiver.web.flask_overrides import ReceiverFlask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Hooks = tuple[list[Callable[[], Any]], list[Callable[[Any], Any]]]


class StockFlask(Flask):
    """Flask with its documented options: nothing but no static folder."""

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)


class ShortRouting(StockFlask):
    create_url_adapter = ReceiverFlask.create_url_adapter
    rules_without_arguments = ReceiverFlask.rules_without_arguments


class NoSessions(StockFlask):
    class Interface(SessionInterface):
        none: Final = NullSession()

        def open_session(self, app: Flask, request: Request) -> NullSession:
            return self.none

        def save_session(self, *_: object) -> None:
            pass

    session_interface = Interface()


class NoAsyncViews(StockFlask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


class NoSignals(StockFlask):
    def full_dispatch_request(self) -> Response:
        self._got_first_request = True
        try:
            returned = self.preprocess_request()
            if returned is None:
                returned = self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - as Flask does
            returned = self.handle_user_exception(error)
        return self.process_response(self.make_response(returned))


class HooksByEndpoint(StockFlask):
    """Looks up the functions that a request's blueprint has registered once for each endpoint."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.hooks: dict[str | None, Hooks] = {}

    def preprocess_request(self) -> Any:
        for function in self.hooks_of(request_ctx.request)[0]:
            if (returned := function()) is not None:
                return returned
        return None

    def process_response(self, response: Response) -> Response:
        context: Any = request_ctx._get_current_object()  # type: ignore[attr-defined]
        for function in (*context._after_request_functions, *self.hooks_of(context.request)[1]):
            response = function(response)
        return response

    def hooks_of(self, request: Request) -> Hooks:
        rule = request.url_rule
        endpoint = rule.endpoint if rule else None
        if endpoint not in self.hooks:
            names = (None, *reversed(request.blueprints))
            before = [hook for name in names for hook in self.before_request_funcs.get(name, ())]
            after: list[Any] = [
                hook for name in reversed(names) for hook in reversed(self.after_request_funcs.get(name, ()))
            ]
            self.hooks[endpoint] = before, after
        return self.hooks[endpoint]


class NoTeardown(StockFlask):
    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        if self.teardown_request_funcs:
            super().do_teardown_request(exc)

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        if self.teardown_appcontext_funcs:
            super().do_teardown_appcontext(exc)


class Everything(
    ShortRouting, NoSessions, NoAsyncViews, NoSignals, HooksByEndpoint, NoTeardown
):  # what stood in the receiver before
    pass


def wsgi_response_at_hand(
    response: Response, environ: "WSGIEnvironment"
) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
    """Replace `Response.get_wsgi_response` for a response whose whole body is at hand."""
    body: list[bytes] = response.response  # type: ignore[assignment]
    response.headers.set("Content-Length", str(sum(map(len, body))))
    return body, response.status, response.headers.to_wsgi_list()


def load_with_schema(loader: Any, value: object) -> object:
    """Replace `Loader.load`, which looks at most values with a check compiled from the schema instead."""
    return loader._schema.load(value)


@dataclass(frozen=True, slots=True)
class Variant:
    """A Flask class, and a method that is replaced while it answers: its class, name and replacement."""

    flask: type[Flask]
    replaced: tuple[type, str, Callable[..., Any]] = (
        Response,
        "get_wsgi_response",
        Response.get_wsgi_response,
    )


STOCK: Final = "stock Flask"
RECEIVER: Final = "the receiver"
EVERYTHING: Final = "all of them"
SCHEMAS_ONLY: Final = "the same by schemas"
VARIANTS: Final[Mapping[str, Variant]] = {
    STOCK: Variant(StockFlask),
    "routes in a table": Variant(ShortRouting),
    "no sessions": Variant(NoSessions),
    "no async views": Variant(NoAsyncViews),
    "no signals": Variant(NoSignals),
    "hooks by endpoint": Variant(HooksByEndpoint),
    "no teardown": Variant(NoTeardown),
    "response at hand": Variant(StockFlask, (Response, "get_wsgi_response", wsgi_response_at_hand)),
    EVERYTHING: Variant(Everything, (Response, "get_wsgi_response", wsgi_response_at_hand)),
    RECEIVER: Variant(ReceiverFlask),
    SCHEMAS_ONLY: Variant(ReceiverFlask, (Loader, "load", load_with_schema)),
}
