"""What generators of clients need of the document: shared errors, names for operations, servers, a license."""

import json
import re

import pytest

from receiver.web.openapi.operation_ids import OPERATION_IDS
from tests.support.api_document import document

OPERATIONS = [
    operation for methods in document()["paths"].values() for operation in methods.values()
]  # fmt: skip
PROBLEM = "application/problem+json"


def test_problems_of_routes_are_shared_components() -> None:
    shared = document()["components"]["responses"]
    for response in shared.values():
        problem = response["content"].get(PROBLEM)
        assert problem == {"schema": {"$ref": "#/components/schemas/Problem"}}
    used = set()
    for operation in OPERATIONS:
        for status, response in operation["responses"].items():
            assert PROBLEM not in response.get("content", {}), (
                f"{operation['operationId']} {status} is inline"
            )
            used |= set(re.findall(r"#/components/responses/(\w+)", json.dumps(response)))
    assert used == set(shared)


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("GET /operations/{clientContext}", "getOperation"),
        ("PUT /operations/{clientContext}", "registerOperation"),
        ("DELETE /operations/{clientContext}", "deleteOperation"),
        ("GET /operations", "listOperations"),
        ("GET /calls/{callId}", "getCall"),
        ("GET /notifications", "listNotifications"),
        ("GET /events", "streamEvents"),
    ],
)
def test_operation_has_the_name_a_user_would_type(route: str, name: str) -> None:
    method, path = route.split()
    assert document()["paths"][path][method.lower()]["operationId"] == name


def test_every_operation_name_is_a_verb_and_a_noun() -> None:
    names = [operation["operationId"] for operation in OPERATIONS]
    assert sorted(names) == sorted(OPERATION_IDS.values())
    for name in names:
        assert re.fullmatch(r"(get|list|register|delete|stream|receive|replay|show|sign)[A-Z][A-Za-z]+", name)


def test_document_names_server_and_license() -> None:
    assert document()["servers"][0]["url"] == "/"
    assert document()["info"]["license"] == {"name": "MIT", "identifier": "MIT"}


def test_event_stream_has_its_exact_media_type() -> None:
    """With a parameter behind it, generators make an ordinary request of it."""
    content = document()["paths"]["/events"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["text/event-stream"]
    assert content["text/event-stream"]["schema"]["anyOf"] == list(
        content["text/event-stream"]["x-events"].values()
    )
