"""Everything that there is, is described, and nothing else."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import receiver
from receiver.errors import ReceiverError
from receiver.web.openapi.header_descriptions import HEADERS
from receiver.web.openapi.openapi_document import IMPLIED, routes
from receiver.web.openapi.problem_advice import ADVICE
from receiver.web.openapi.route_parameters import PATH
from receiver.web.openapi.route_tags import TAGS
from receiver.web.problems import OF_HTTP, address_of
from tests.support.api_document import HELP, app, document, wrong_with

OPERATIONS = [
    (method, path, operation)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


def every_error(of: type[ReceiverError] = ReceiverError) -> set[type[ReceiverError]]:
    """The tree, without those that only refine one, and answer with its type."""
    below = {error for kind in of.__subclasses__() for error in every_error(kind)}
    return {error for error in {of, *below} if "type" in vars(error)}


def test_the_document_is_openapi() -> None:
    assert document()["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document()).validate()


def test_every_route_and_method_is_described() -> None:
    described = {(route.rule.rule, route.method) for route in routes(app())}
    there = {
        (rule.rule, method)
        for rule in app().url_map.iter_rules()
        for method in (rule.methods or set()) - IMPLIED
    }
    assert there - described == set(), HELP
    assert len(described) == len(OPERATIONS), "two routes have one path in the document"


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=lambda value: str(value)[:40])
def test_operation_has_a_summary_in_words(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"] != operation["operationId"], f"its view has no docstring; {HELP}"
    assert set(operation["tags"]) <= set(TAGS), HELP


def test_every_example_is_one() -> None:
    """The other examples, of bodies, are sent by tests/fuzz/test_routes.py."""
    found = 0
    for _, path, operation in OPERATIONS:
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                if "example" in content:
                    found += 1
                    assert wrong_with(content, content["example"]) == [], path
    assert found > 5


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_error_has_a_type_of_its_own() -> None:
    types = [error.type for error in every_error()]
    assert len(types) == len(set(types))


def test_every_problem_that_is_raised_is_described() -> None:
    described = set(re.findall(r"/problems/[\w-]+", json.dumps(document())))
    names = names_raised()
    raised = {address_of(error) for error in every_error() if error.__name__ in names}
    assert raised - described == set(), HELP
    assert described <= {address_of(error) for error in every_error()}


def test_there_is_advice_for_every_problem_and_for_no_other() -> None:
    assert set(ADVICE) == every_error()
    assert all(error.__doc__ for error in every_error())


def test_description_has_no_route_that_does_not_exist() -> None:
    arguments = {name for rule in app().url_map.iter_rules() for name in rule.arguments}
    assert set(PATH) == arguments
    assert set(TAGS) == set(app().blueprints)
    headers = {
        name
        for _, _, operation in OPERATIONS
        for answer in operation["responses"].values()
        for name in answer.get("headers", {})
    }
    assert set(HEADERS) == headers


def names_raised() -> set[str]:
    """Return the names of all that the code raises, or makes to be raised, where there is a request to answer."""
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for path in Path(receiver.__file__).parent.rglob("*.py")
        if path.name != "parser_errors.py" and path.parent.name != "client"  # it has errors of its own
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    } | {error.__name__ for error in OF_HTTP}
