"""Holding answers to the document does find what is wrong with them."""

import json

import pytest

from tests.support.api_document import document, hold_to_document

PATH = "/operations/x"
JSON = {"Content-Type": "application/json", "ETag": 'W/"1.2"'}
PROBLEM = {"Content-Type": "application/problem+json"}
OPERATION = document()["paths"]["/operations/{clientContext}"]["get"]["responses"]["200"]["content"][
    "application/json"
]["example"]


def problem(kind: str) -> bytes:
    return json.dumps(
        {"type": f"/problems/{kind}", "title": "t", "status": 404, "detail": "d", "requestId": "r"}
    ).encode()


def test_a_right_answer_passes() -> None:
    hold_to_document("GET", PATH, 200, JSON, json.dumps(OPERATION).encode())
    hold_to_document("GET", PATH, 404, PROBLEM, problem("operation-not-found"))
    hold_to_document("GET", "/nowhere", 404, PROBLEM, problem("not-found"))
    hold_to_document("PATCH", PATH, 405, PROBLEM, problem("method-not-allowed"))
    hold_to_document("GET", PATH, 500, PROBLEM, problem("internal-error"))


@pytest.mark.parametrize(
    ("status", "headers", "document", "complaint"),
    [
        pytest.param(203, JSON, OPERATION, "is not described", id="another status"),
        pytest.param(200, {"ETag": '"1"'}, OPERATION, "comes as ''", id="no media type"),
        pytest.param(200, {**JSON, "Content-Type": "text/html"}, OPERATION, "comes as", id="another media type"),
        pytest.param(200, {"Content-Type": "application/json"}, OPERATION, "has no ETag", id="a header is missing"),
        pytest.param(200, {**JSON, "Retry-After": "soon"}, OPERATION, "Retry-After", id="a header is wrong"),
        pytest.param(200, JSON, {**OPERATION, "mood": "good"}, "mood", id="another member"),
        pytest.param(200, JSON, {**OPERATION, "done": "yes"}, "done: ", id="a member of another type"),
        pytest.param(200, JSON, {**OPERATION, "updated": "now"}, "updated: ", id="a time that is none"),
        pytest.param(200, JSON, {}, "required", id="members are missing"),
        pytest.param(304, {"ETag": '"1"'}, OPERATION, "has a body", id="a body where there is none"),
        pytest.param(404, PROBLEM, json.loads(problem("call-not-found")), "call-not-found", id="another problem"),
        pytest.param(418, PROBLEM, json.loads(problem("teapot")), "teapot", id="an unknown problem"),
    ],
)  # fmt: skip
def test_a_wrong_answer_does_not(
    status: int, headers: dict[str, str], document: object, complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        hold_to_document("GET", PATH, status, headers, json.dumps(document).encode())
