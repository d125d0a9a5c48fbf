"""Fast rejection: requests that are rejected by their bytes, and those that are left to the parser."""

import http.client
import io
import json
from typing import Any, Self

import pytest

from receiver.metrics.worker_metrics import Metrics
from receiver.web.middleware.admission_queue import AdmissionQueue
from receiver.web.middleware.fast_rejector import FastRejector
from receiver.web.middleware.load_shedder import LoadShedder
from receiver.web.middleware.request_priority import PriorityClassifier
from tests.support.hardened import soft

HEAD = b"POST /callback HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\n"
WHOLE = HEAD + b"Content-Length: 4\r\n\r\nbody"
READ = b"GET /operations/x?wait=1 HTTP/1.1\r\nHost: h\r\n\r\n"


CLASSIFIER = PriorityClassifier(lambda header: header == "Bearer good", lambda header: header == "Bearer key")


class Full:
    """A sink or a queue to the store; a test sets whether it is full."""

    is_full = True


class Wire(io.BytesIO):
    """An answer's bytes as http.client reads them."""

    def makefile(self, _: str) -> Self:
        return self


@pytest.fixture
def full() -> Full:
    return Full()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(None, "")


@pytest.fixture
def load_shedder(full: Any, metrics: Metrics) -> LoadShedder:
    return LoadShedder(
        lambda *_: [],
        full,
        full,
        metrics.counters,
        classifier=CLASSIFIER,
        admission_queue=AdmissionQueue(),
        rejections=AdmissionQueue(),
    )


@pytest.fixture
def fast_rejector(load_shedder: LoadShedder) -> FastRejector:
    return FastRejector(load_shedder, behind_proxy=False)


def read(refusal: bytes | None) -> tuple[http.client.HTTPResponse, dict[str, object]]:
    assert refusal is not None
    answer = http.client.HTTPResponse(Wire(refusal))  # type: ignore[arg-type]
    answer.begin()
    body = answer.read()
    assert refusal.endswith(b"\r\n\r\n" + body), "nothing comes behind it"
    return answer, json.loads(body)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(WHOLE, id="a notification"),
        pytest.param(HEAD + b"content-length:4\r\nConnection: Keep-Alive\r\n\r\nbody", id="kept alive"),
        pytest.param(READ, id="a read"),
        pytest.param(READ.replace(b"GET", b"DELETE"), id="a DELETE"),
    ],
)
def test_whole_request_is_rejected_under_overload(
    fast_rejector: FastRejector, metrics: Metrics, request_: bytes
) -> None:
    answer, document = read(fast_rejector.reject(request_))
    assert (answer.status, document["type"], document["status"]) == (503, "/problems/overloaded", 503)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["X-Request-ID"] == document["requestId"]
    assert soft(answer.headers) == []
    assert not answer.will_close
    assert b'receiver_refusals_total{problem="overloaded"} 1.0' in metrics.text()


@pytest.mark.parametrize("path", [b"/livez", b"/readyz?x", b"/metrics"])
def test_probe_is_passed_on_under_overload(fast_rejector: FastRejector, path: bytes) -> None:
    assert fast_rejector.reject(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path) is None


def test_request_without_overload_is_passed_on(fast_rejector: FastRejector, full: Full) -> None:
    full.is_full = False
    assert fast_rejector.reject(WHOLE) is None


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(WHOLE[:-1], id="its body is not here yet"),
        pytest.param(HEAD, id="nor are its headers"),
        pytest.param(WHOLE + b"G", id="the next has begun"),
        pytest.param(WHOLE * 2, id="two at once"),
        pytest.param(HEAD + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", id="two lengths"),
        pytest.param(
            HEAD + b"Content-Length: 4\r\nContent-Length: x\r\n\r\nbody", id="two, one of them none"
        ),
        pytest.param(HEAD + b"Content-Length: +4\r\n\r\nbody", id="a length with a sign"),
        pytest.param(HEAD + b"Content-Length: 4, 4\r\n\r\nbody", id="a list of lengths"),
        pytest.param(HEAD + b"Content-Length : 4\r\n\r\nbody", id="a space before the colon"),
        pytest.param(
            HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody", id="length and coding"
        ),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", id="a coding"),
        pytest.param(HEAD + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody", id="an expectation"),
        pytest.param(HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\nbody", id="the last"),
        pytest.param(HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", id="an upgrade"),
        pytest.param(HEAD + b"X: a\r\n b\r\nContent-Length: 4\r\n\r\nbody", id="a folded line"),
        pytest.param(HEAD + b"X: a\nContent-Length: 4\r\n\r\nbody", id="a line that ends otherwise"),
        pytest.param(HEAD + b"X: \0\r\nContent-Length: 4\r\n\r\nbody", id="a zero byte"),
        pytest.param(WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"), id="an older HTTP"),
        pytest.param(WHOLE.replace(b"POST", b"post"), id="no such method"),
        pytest.param(WHOLE.replace(b"/callback", b"http://h/callback"), id="a whole address"),
        pytest.param(WHOLE.replace(b"/callback", b"/call back"), id="a space in the path"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="TLS"),
    ],
)
def test_ambiguous_or_partial_request_is_passed_on(fast_rejector: FastRejector, request_: bytes) -> None:
    assert fast_rejector.reject(request_) is None


def test_rejection_has_the_request_id_of_its_sender(fast_rejector: FastRejector) -> None:
    for given, is_one in (
        (b"request-1234", True),
        (b"short", False),
        (b"r" * 129, False),
        (b"<b>request</b>", False),
    ):
        answer, _ = read(
            fast_rejector.reject(HEAD + b"X-REQUEST-ID: %b\r\nContent-Length: 4\r\n\r\nbody" % given)
        )
        assert (answer.headers["X-Request-ID"].encode() == given) is is_one


def test_forwarded_scheme_counts_behind_a_proxy_only(load_shedder: LoadShedder) -> None:
    head = HEAD + b"x-forwarded-proto: %b\r\nContent-Length: 4\r\n\r\nbody"
    for behind_proxy, scheme, is_https in (
        (True, b"https", True),
        (True, b"http, https", True),
        (True, b"https, http", False),
        (False, b"https", False),
    ):
        answer, _ = read(FastRejector(load_shedder, behind_proxy=behind_proxy).reject(head % scheme))
        assert ("Strict-Transport-Security" in answer.headers) is is_https
