"""Unknown addresses and methods: a page for a browser, a problem document for a program."""

import pytest

from tests.support.service import Answer, Service

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def ask(service: Service, method: str, path: str, accept: str | None) -> Answer:
    return service.request(method, path, key=None, headers={"Accept": accept} if accept else {})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/view/x", 404), ("GET", "/callback", 405)],
)
def test_unknown_address_in_browser_is_a_page(service: Service, method: str, path: str, status: int) -> None:
    answer = ask(service, method, path, BROWSER)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert b'<a href="/">' in answer.body
    assert b"<code>" in answer.body, "what stands between backticks"
    assert "form-action" in answer.headers["Content-Security-Policy"], "its own style sheet may be loaded"
    assert ("POST" in answer.headers.get("Allow", "")) == (status == 405)
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/json",
        "application/json, text/html",
        "text/html;q=0.5, application/problem+json",
    ],
)
def test_unknown_address_for_program_is_a_problem(service: Service, accept: str | None) -> None:
    answer = ask(service, "GET", "/nowhere", accept)
    assert (answer.status, answer.problem) == (404, "not-found")
    assert "/docs" in answer.json["detail"]


def test_page_of_unknown_address_shows_nothing_private(service: Service) -> None:
    answer = ask(service, "GET", "/no<b>where", BROWSER)
    for private in (b"<b>", b"spool", b"where"):
        assert private not in answer.body


def test_api_route_answers_json_in_browser_too(service: Service) -> None:
    assert ask(service, "GET", "/operations/x", BROWSER).problem == "invalid-api-key"
