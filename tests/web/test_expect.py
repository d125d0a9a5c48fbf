"""`Expect: 100-continue`: if the headers decide, the response comes instead of `100 Continue`."""

import socket

import pytest

from tests.support.service import READ, WRITE, Service
from tests.web.raw import parse

MEGABYTES = 50 << 20


def ask(service: Service, line: str, *headers: str, length: int = 1000) -> bytes:
    """Send the headers of a request with a body; return all that comes before the server closes."""
    head = [
        line + " HTTP/1.1",
        "Host: h",
        "Expect: 100-continue",
        f"Content-Length: {length}",
        *headers,
        "",
        "",
    ]
    with socket.create_connection(("127.0.0.1", service.port), 5) as client:
        client.sendall("\r\n".join(head).encode())
        received = client.recv(1 << 16)
        if received.startswith(b"HTTP/1.1 100 "):
            return received
        while part := client.recv(1 << 16):
            received += part
        return received


JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("line", "headers", "status", "problem"),
    [
        ("POST /callback", [JSON], 401, "missing-token"),
        ("POST /callback", [JSON, "Authorization: Bearer x"], 401, "invalid-token"),
        ("POST /callback/unknown", [JSON, "Authorization: Bearer x"], 404, "unknown-app"),
        ("POST /nowhere", [JSON], 404, "not-found"),
        ("POST /livez", [JSON], 405, "method-not-allowed"),
        ("PUT /operations/x", [JSON], 401, "invalid-api-key"),
        ("PUT /operations/x", [JSON, f"Authorization: Bearer {READ}"], 403, "insufficient-scope"),
        ("PUT /operations/x", ["Content-Type: text/plain", f"Authorization: Bearer {WRITE}"], 415, None),
        ("POST /notifications", [JSON, "Content-Encoding: gzip"], 415, "unsupported-media-type"),
    ],
)
def test_expect_with_rejected_headers_is_answered_at_once(
    service: Service, line: str, headers: list[str], status: int, problem: str | None
) -> None:
    answer = parse(ask(service, line, *headers))
    assert answer.status == status
    assert problem in {None, answer.problem}
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("path", ["/callback", "/notifications"])
def test_expect_with_length_over_the_limit_is_413_at_once(service: Service, path: str) -> None:
    answer = parse(
        ask(service, f"POST {path}", JSON, f"Authorization: Bearer {service.token()}", length=MEGABYTES)
    )
    assert (answer.status, answer.problem) == (413, "payload-too-large")


def test_expect_with_form_of_another_site_is_403_at_once(service: Service) -> None:
    answer = ask(service, "POST /sign-in", FORM, "Origin: https://elsewhere.example")
    assert answer.startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("path", ["/callback", "/notifications"])
def test_expect_with_acceptable_headers_gets_100(service: Service, path: str) -> None:
    interim = ask(service, f"POST {path}", JSON, f"Authorization: Bearer {service.token()}")
    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
