"""Paths that imitate other paths, sent byte by byte: no path leaves its route."""

import pytest

from tests.support.service import READ, Service
from tests.web.raw import exchange

HEAD = f" HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {READ}\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("target", "status", "problem"),
    [
        # A client context may hold anything.
        (b"/operations/../livez", 404, "operation-not-found"),
        (b"/operations/..%2f..%2flivez", 404, "operation-not-found"),
        (b"/operations/%2e%2e/%2e%2e/livez", 404, "operation-not-found"),
        (b"/operations//livez", 404, "operation-not-found"),
        (b"/operations/a;b=c", 404, "operation-not-found"),
        (b"/operations/%00", 404, "operation-not-found"),
        (b"/operations/a%0d%0aSet-Cookie:%20a=b", 404, "operation-not-found"),
        (b"/operations/%ff%fe", 404, "operation-not-found"),
        (b"/operations/%c0%ae%c0%ae%c0%af", 404, "operation-not-found"),
        (b"/operations/%", 404, "operation-not-found"),
        (b"/operations/%zz", 404, "operation-not-found"),
        # Nothing else may.
        (b"/livez/", 404, "not-found"),
        (b"/livez;a=b", 404, "not-found"),
        (b"/livez%00", 404, "not-found"),
        (b"/%00", 404, "not-found"),
        (b"/./livez", 404, "not-found"),
        (b"/x/../livez", 404, "not-found"),
        (b"/%2e/livez", 404, "not-found"),
        (b"/LIVEZ", 404, "not-found"),
        (b"/livez%20", 404, "not-found"),
        (b"/livez%2f", 404, "not-found"),
        (b"/calls/a%2fb", 404, "not-found"),
        (b"/calls/%00", 404, "call-not-found"),
        (b"/calls/a%0d%0ab/operations/%00", 404, "operation-not-found"),
        (b"///operations", 200, None),  # several slashes in front are one, to werkzeug
        (b"/operations?cursor=1%00", 400, "invalid-request"),
        (b"/operations?clientContext=%00&callId=%ff", 200, None),
        # Files.
        (b"/static/x/../../config.py", 404, "not-found"),
        (b"/static/x/..%2f..%2fconfig.py", 404, "not-found"),
        (b"/static/x/%2e%2e%2fconfig.py", 404, "not-found"),
        (b"/static/x/..%5c..%5cconfig.py", 404, "not-found"),
        (b"/static/x/%2fetc%2fpasswd", 404, "not-found"),
        (b"/static/../templates/layout.html", 404, "not-found"),
        (b"/static/x/page.js%00.css", 404, "not-found"),
        (b"/static/x/.", 404, "not-found"),
        (b"/static/x/", 404, "not-found"),
        # An absolute address names another host; we serve the path, as RFC 9112, section 3.2.2, has it.
        (b"http://evil.example/livez", 200, None),
        (b"http://evil.example/nothing", 404, "not-found"),
        (b"http://evil.example", 200, None),
        (b"file:///etc/passwd", 404, "not-found"),
        (b"http://[::1/livez", 400, "invalid-request"),
        (b"*", 400, "invalid-request"),
        (b"evil.example:443", 400, "invalid-request"),
        (b"/livez#fragment", 200, None),
    ],
)
def test_no_path_leaves_its_route(service: Service, target: bytes, status: int, problem: str | None) -> None:
    answer = exchange(service, b"GET " + target + HEAD)
    assert (answer.status, answer.answers) == (status, 1)
    assert "Set-Cookie" not in answer.headers
    if problem:
        assert answer.problem == problem
    assert "a bug" not in service.log


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        (b"OPTIONS", b"*", 404),
        (b"CONNECT", b"evil.example:443", 404),
        (b"CONNECT", b"/livez", 405),
        (b"TRACE", b"/operations", 405),
        (b"PROPFIND", b"/operations", 405),
        (b"POST", b"/callback/%2e%2e%2fnotifications", 404),
        (b"POST", b"/callback/..%2f..%2f", 404),
        (b"POST", b"/quarantine/%2e%2e/replay", 403),
        (b"DELETE", b"/operations/..", 403),
    ],
)
def test_other_methods_are_rejected(service: Service, method: bytes, target: bytes, status: int) -> None:
    answer = exchange(service, method + b" " + target + HEAD)
    assert (answer.status, answer.answers) == (status, 1)
    assert READ.encode() not in answer.body, "nothing is echoed"
    assert "a bug" not in service.log
