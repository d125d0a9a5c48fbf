"""The OpenAPI document, made from the routes of an app and their descriptions.

OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.1.html
"""

from functools import cached_property
from typing import Any, Final, TypeAlias

import orjson
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema

from receiver import __version__
from receiver.web.openapi.authentication_texts import SCHEMES
from receiver.web.openapi.body_schemas import RESOURCES
from receiver.web.openapi.problem_responses import ANY_PROBLEM, any_problem, problem_response, response_name
from receiver.web.openapi.response_schemas import ProblemSchema
from receiver.web.openapi.route_description import description_of
from receiver.web.openapi.route_operation import Route, component, operation
from receiver.web.openapi.route_tags import TAGS

JSON: TypeAlias = dict[str, Any]

IMPLIED: Final = frozenset({"HEAD", "OPTIONS"})
"""The methods that Flask adds to each route."""

_INTRODUCTION: Final = """\
Receives Microsoft Graph's notifications of call operations, stores the latest state of each, and returns it to
clients with an API key.

Every error is a problem document (RFC 9457); its `type` is the address of an explanation. Every route with `GET` takes
`HEAD` as well. A request may have an id in `X-Request-ID`; the response and the log repeat it.
"""


class Document:
    """The document of an app, made at the first request, when all routes are registered, and then kept."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @cached_property
    def content(self) -> JSON:
        """The document."""
        return make_document(self._app)

    @cached_property
    def text(self) -> bytes:
        """The document as JSON."""
        return orjson.dumps(self.content)


def routes(app: Flask) -> list[Route]:
    """Return every route that is described, blueprint by blueprint in the order of the tags."""
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        description = description_of(view)
        if description:
            methods = sorted((rule.methods or set()) - IMPLIED)
            found += [Route(rule, method, view, description) for method in methods]
    order = list(TAGS)
    return sorted(found, key=lambda route: order.index(route.tag) if route.tag in TAGS else len(order))


def make_document(app: Flask) -> JSON:
    """Make the document."""
    spec = APISpec(
        title="receiver",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin()],
        info={"description": _INTRODUCTION, "license": {"name": "MIT", "identifier": "MIT"}},
        servers=[{"url": "/", "description": "The receiver that serves this document."}],
        tags=[
            {"name": name, "x-displayName": title, "description": text}
            for name, (title, text) in TAGS.items()
        ],
    )
    for name, scheme in SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    schemas: tuple[type[Schema], ...] = (ProblemSchema, *RESOURCES)
    for schema in schemas:
        spec.components.schema(component(schema), schema=schema)
    described = routes(app)
    spec.components.response(ANY_PROBLEM, any_problem())
    shared = {
        (status, one.description.access.problems_as) for one in described for status in one.problems_by_status
    }
    for status, media_type in sorted(shared):
        spec.components.response(response_name(status, media_type), problem_response(status, media_type))
    for route in described:
        spec.path(route.path, operations={route.method.lower(): operation(route)})
    return spec.to_dict()
