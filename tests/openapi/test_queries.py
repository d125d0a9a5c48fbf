"""The query arguments that the document names are those that the views read."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType

import pytest
from marshmallow import Schema

from receiver.web.openapi.openapi_document import routes
from receiver.web.openapi.route_operation import Route
from tests.support.api_document import HELP, app, document

READERS = {"request.args.get", "query_argument"}
ROUTES = routes(app())


def arguments_read(view: Callable[..., object]) -> set[str]:
    """Find the query arguments that a view reads itself, in a function that it calls, or by a schema."""
    function = getattr(view, "__func__", view)  # a view is a method of the class for its resource
    return {name for called in all_called(function, set()) for name in read_in(called)}


def all_called(function: object, seen: set[FunctionType]) -> set[FunctionType]:
    """Return a function of ours, and all others that it names, however far."""
    if (
        isinstance(function, FunctionType)
        and function.__module__.startswith("receiver.")
        and function not in seen
    ):
        seen.add(function)
        for named in names_in(function):
            all_called(named, seen)
    return seen


def names_in(function: FunctionType) -> Iterator[object]:
    """Yield the objects that the names in a function refer to, methods of its own class included."""
    scope = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    own_class = function.__globals__.get(function.__qualname__.partition(".")[0])
    for node in ast.walk(tree_of(function)):
        match node:
            case ast.Name(id=name) if name in scope:
                yield scope[name]
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                yield getattr(own_class, name, None)


def read_in(function: FunctionType) -> Iterator[str]:
    for node in ast.walk(tree_of(function)):
        match node:
            case ast.Call(func, [ast.Constant(str(name)), *_]) if ast.unparse(func) in READERS:
                yield name
    for named in names_in(function):
        if inspect.isclass(named) and issubclass(named, Schema):
            yield from (field.data_key or name for name, field in named().fields.items())


def tree_of(function: FunctionType) -> ast.Module:
    """Parse a function without its decorators: what they name is the description."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list.clear()
    return tree


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_query_arguments_are_those_that_the_view_reads(route: Route) -> None:
    operation = document()["paths"][route.path][route.method.lower()]
    described = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    assert arguments_read(route.view) == described, HELP
