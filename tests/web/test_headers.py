"""Security headers of every response, from the application or the server."""

import socket

import pytest

from receiver.app import create_app
from receiver.components import make_components
from receiver.server import parser_errors
from receiver.settings.configuration import read_settings
from tests.support.hardened import soft
from tests.support.listening import Listener
from tests.support.notifications import operation
from tests.support.service import READ, Service
from tests.web.raw import exchange, parse
from tests.web.test_logs import await_a_line_of_its_own

TOO_LARGE = b"Content-Length: 99999999\r\n\r\n" + b" " * (1 << 16)
"""With as much of the body as is kept of one that is refused: the receiver waits for that."""


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        pytest.param("GET", "/operations/invite-1", READ, 200, id="an operation"),
        pytest.param("GET", "/operations", READ, 200, id="a list"),
        pytest.param("GET", "/operations/unknown", READ, 404, id="a problem"),
        pytest.param("GET", "/operations", None, 401, id="an unauthenticated client"),
        pytest.param("GET", "/nothing/like/this", READ, 404, id="no such address"),
        pytest.param("PATCH", "/operations", READ, 405, id="no such method"),
        pytest.param("OPTIONS", "/operations", None, 200, id="options"),
        pytest.param("HEAD", "/operations", READ, 200, id="head"),
        pytest.param("GET", "/livez", None, 200, id="health"),
        pytest.param("GET", "/", None, 200, id="the page"),
        pytest.param("GET", "/view/quarantine", None, 401, id="a page for those signed in"),
        pytest.param("POST", "/callback", None, 401, id="a callback without a token"),
        pytest.param("POST", "/callback?validationToken=x", None, 200, id="a handshake"),
        pytest.param("GET", "/static/x/page.js", None, 200, id="a static file"),
        pytest.param("GET", "/static/x/none.js", None, 404, id="no such static file"),
    ],
)
def test_every_response_has_the_security_headers(
    service: Service, method: str, path: str, key: str | None, status: int
) -> None:
    service.call_back(operation())
    answer = service.request(method, path, key=key)  # which looks at the headers, here as everywhere
    assert answer.status == status
    assert "Strict-Transport-Security" not in answer.headers, "this is plain http"


def test_202_304_and_stream_have_the_security_headers(service: Service) -> None:
    assert service.call_back(operation()).status == 202
    etag = service.get("/operations/invite-1").headers["ETag"]
    assert service.get("/operations/invite-1", headers={"If-None-Match": etag}).status == 304
    with Listener(service) as listener:
        assert soft(listener.response.headers) == []


@pytest.mark.parametrize(
    ("sent", "status", "problem"),
    [
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", 400, "invalid-request", id="no HTTP that we know"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "invalid-request", id="TLS"),
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414, "uri-too-long", id="a long address"),
        pytest.param(
            b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers-too-large", id="a long header"
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 65 + b"\r\n", 431, "headers-too-large", id="65 headers"
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nExpect: 200-ok\r\n\r\n", 400, "invalid-request", id="an odd expectation"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: br, chunked\r\n\r\n0\r\n\r\n",
            501,
            "unsupported-transfer-coding",
            id="an odd coding",
        ),
    ],
)
def test_unparsable_request_gets_the_security_headers(
    service: Service, sent: bytes, status: int, problem: str
) -> None:
    await_a_line_of_its_own()
    answer = exchange(service, sent)
    assert (answer.status, answer.problem) == (status, problem)
    assert answer.headers["Connection"] == "close"
    assert answer.headers["X-Request-ID"] in service.log
    assert service.get(f"/problems/{problem}", key=None).status == 200, "and it is explained"


@pytest.mark.parametrize(
    ("sent", "status", "problem"),
    [
        pytest.param(
            b"Content-Length: 99999999\r\n\r\n" + b" " * (1 << 16),
            413,
            "payload-too-large",
            id="a large body",
        ),
        pytest.param(b"Content-Length: 9\r\n\r\n{}", 408, "request-timeout", id="a late body"),
    ],
)
def test_rejected_body_gets_the_security_headers(
    service: Service, sent: bytes, status: int, problem: str
) -> None:
    head = f"POST /callback HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {service.token()}\r\n".encode()
    with socket.create_connection(("127.0.0.1", service.port), timeout=15) as client:
        client.sendall(head + sent)
        received = b""
        while not received.endswith(b"}"):
            received += client.recv(1 << 16)
    answer = parse(received)
    assert (answer.status, answer.problem) == (status, problem)
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(("method", "status"), [("GET", 500), ("POST", 503)])
def test_unexpected_error_gets_the_security_headers(
    method: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent")
    app = create_app(make_components(read_settings()))
    app.add_url_rule("/bug", view_func=lambda: str(1 // 0), methods=["GET", "POST"])
    answer = app.test_client().open("/bug", method=method)
    assert answer.json
    assert (answer.status_code, answer.json["type"]) == (status, "/problems/internal-error")
    assert soft(answer.headers) == []


def test_unexpected_error_of_the_server_is_503() -> None:
    returned = parse(parser_errors.answer(parser_errors.refusal_of(ZeroDivisionError()), "an-id"))
    assert (returned.status, returned.problem) == (503, "unavailable")


def test_log_quotes_nothing_of_an_unparsable_request(service: Service) -> None:
    for sent in (
        b"GET /operations/Ann-Example HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nAnn-Example\r\n\r\n",
        b"GET / HTTP/1.1\r\nAnn Example: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: Ann-\x00Example\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\r\n Ann-Example\r\n\r\n",
        b"GET / HTTP/1.1\r\nExpect: Ann-Example\r\n\r\n",
        b"Ann-Example / HTTP/1.1\r\n\r\n",
    ):
        answer = exchange(service, sent)
        assert answer.status == 400
        assert b"Ann" not in answer.body
    assert "Ann" not in service.log


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_other_sites_may_read_nothing(service: Service, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = service.request(
            method,
            "/operations",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "DELETE",
                "Access-Control-Request-Headers": "Authorization",
            },
        )
        assert answer.status == 200
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
