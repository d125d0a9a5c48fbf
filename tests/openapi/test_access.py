"""Every operation of the document requires the authentication that the document states."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from tests.support.api_document import document
from tests.support.service import ALL, APP_ID, READ, WRITE, Service

FOR_ALL = {
    "GET /livez",
    "GET /readyz",
    "GET /openapi.json",
    "GET /static/{given}/{name}",
    "GET /docs",
    "GET /docs/guides/{guide}",
    "GET /problems/{kind}",
    "POST /sign-in",
    "POST /sign-out",
    "POST /notifications",  # its items are authenticated by their clientState
}
ARGUMENTS = {"appId": APP_ID, "entryId": "1-0", "number": "1"}
FORM = b'action="/sign-in"'
LACKING = {"read": WRITE, "write": READ}
FROM_OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    security: list[dict[str, list[str]]]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        return self.path.format_map(_Arguments())

    @property
    def scope(self) -> str:
        """The scope that it takes; the document says the same of keys and of sessions."""
        [scope] = {scope for way in self.security for scopes in way.values() for scope in scopes}
        return scope

    @property
    def is_page(self) -> bool:
        return self.path == "/" or self.path.startswith("/view/")


class _Arguments(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return ARGUMENTS.get(name, "x")


OPERATIONS = [
    Operation(method.upper(), path, operation["security"])
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


def operations(scheme: str) -> pytest.MarkDecorator:
    """Parametrize a test with the operations that take this authentication."""
    found = [operation for operation in OPERATIONS if any(scheme in way for way in operation.security)]
    return pytest.mark.parametrize("operation", found, ids=lambda operation: operation.name)


@pytest.fixture
def ask(service: Service) -> Callable[..., tuple[int, str]]:
    """Ask; return the status, and the problem, `form` for that to sign in, or the media type of anything else."""

    def ask(operation: Operation, **headers: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
        sent = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
        connection.request(operation.method, operation.url, headers=sent)
        answer = connection.getresponse()
        kind = answer.headers["Content-Type"] or ""
        if kind == "application/problem+json":
            kind = json.loads(answer.read())["type"].removeprefix("/problems/")
        elif kind.startswith("text/html") and FORM in answer.read():
            kind = "form"
        assert answer.headers["WWW-Authenticate"] == challenge(operation, answer.status, headers)
        connection.close()
        return answer.status, kind

    return ask


def challenge(operation: Operation, status: int, headers: dict[str, str]) -> str | None:
    """The challenge that a refusal has (RFC 6750, 3.1): it names an error only of a token that was sent."""
    sent = headers.get("Authorization", "").startswith("Bearer ")
    if status == 401:
        return 'Bearer realm="receiver"' + (', error="invalid_token"' if sent else "")
    if status == 403 and sent:
        return f'Bearer realm="receiver", error="insufficient_scope", scope="{operation.scope}"'
    return None


def unauthenticated(operation: Operation) -> tuple[int, str]:
    """Return the answer of an operation to an unauthenticated client."""
    if operation.is_page:
        return 200 if {} in operation.security else 401, "form"
    return 401, "invalid-api-key"


def lacking(operation: Operation) -> tuple[int, str]:
    """Return the answer to a key without the scope."""
    return 403, "text/html; charset=utf-8" if operation.is_page else "insufficient-scope"


def test_no_other_operation_is_public() -> None:
    assert {operation.name for operation in OPERATIONS if not operation.security} == FOR_ALL


@operations("apiKey")
def test_an_operation_needs_a_key_with_its_scope(
    ask: Callable[..., tuple[int, str]], operation: Operation
) -> None:
    for key in (None, "wrong", "Ünknown"):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        assert ask(operation, **headers) == unauthenticated(operation)
    assert ask(operation, Authorization="Basic eDp5") == unauthenticated(operation)
    assert ask(operation, Authorization=f"Bearer {LACKING[operation.scope]}") == lacking(operation)
    status, kind = ask(operation, Authorization=f"Bearer {ALL}")
    assert status in {200, 201, 204, 404}
    assert kind not in {"not-found", "form"}, "the address exists, and the key is accepted"


@operations("session")
def test_a_session_is_one_and_may_do_what_its_key_may(
    ask: Callable[..., tuple[int, str]], service: Service, operation: Operation
) -> None:
    made_up = ask(operation, Cookie=f"receiver_session={'a' * 43}", **FROM_OUR_PAGE)
    assert made_up == unauthenticated(operation)
    signed_in = service.request(
        "POST",
        "/sign-in",
        key=None,
        body=urlencode({"key": READ}).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
    answer = ask(operation, Cookie=cookie, **FROM_OUR_PAGE)
    if operation.scope == "read":
        assert answer[0] in {200, 404}
        assert answer[1] != "form"
    else:
        assert answer == lacking(operation)


@operations("graphToken")
def test_an_operation_needs_a_token(ask: Callable[..., tuple[int, str]], operation: Operation) -> None:
    assert ask(operation) == (401, "missing-token")
    assert ask(operation, Authorization=f"Bearer {ALL}") == (401, "invalid-token"), "a key is none"
