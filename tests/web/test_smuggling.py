"""Requests whose end two readers could see in different places (RFC 9112, section 11.2).

Behind each stands another request, a good one, which only a reader that was fooled would serve: the receiver must
answer the first alone, and close.
"""

import gzip
import json
from collections.abc import Callable

import pytest

from tests.support.notifications import operation
from tests.support.service import Service
from tests.web.raw import RawAnswer, exchange

BODY = json.dumps({"value": [operation(cc="smuggled")]}).encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ENDED = b"0\r\n\r\n"


def request(token: str, framing: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    head = b"POST /callback %s\r\nHost: h\r\nContent-Type: application/json\r\n" % version
    return head + f"Authorization: Bearer {token}\r\n".encode() + framing + b"\r\n" + body


def smuggle(service: Service, framing: bytes, body: bytes, version: bytes = b"HTTP/1.1") -> RawAnswer:
    token = service.token()
    behind = request(token, b"Content-Length: %d\r\n" % len(BODY), BODY)
    return exchange(service, request(token, framing, body, version) + behind)


@pytest.fixture
def refused(service: Service) -> Callable[..., int]:
    """Smuggle; return the status of the one answer."""

    def refused(framing: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> int:
        answer = smuggle(service, framing, body, version)
        assert answer.answers == 1
        assert answer.problem
        assert answer.headers["Connection"] == "close"
        assert service.get("/operations/smuggled").status == 404
        return answer.status

    return refused


def test_request_after_a_good_one_is_served(service: Service) -> None:
    """The tests below would notice a request that was smuggled in."""
    for framing, body in ((b"Content-Length: 2\r\n", b"{}"), (CHUNKED, b"2\r\n{}\r\n" + ENDED)):
        answer = smuggle(service, framing, body)
        assert (answer.status, answer.answers) == (400, 2), (
            "{} is not a collection; the second request is one"
        )
        assert service.get("/operations/smuggled").status == 200


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param(b"Content-Length: 5\r\n" + CHUNKED, id="length, then chunked"),
        pytest.param(CHUNKED + b"Content-Length: 5\r\n", id="chunked, then length"),
        pytest.param(b"Content-Length: 0\r\n" + CHUNKED, id="length 0 and chunked"),
        pytest.param(CHUNKED + CHUNKED, id="chunked twice"),
        pytest.param(b"Transfer-Encoding: chunked, chunked\r\n", id="chunked twice in a list"),
        pytest.param(b"Transfer-Encoding: chunked, identity\r\n", id="chunked, identity"),
        pytest.param(b"Transfer-Encoding: chunked, gzip\r\n", id="not chunked at last"),
        pytest.param(b"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", id="not chunked at all"),
        pytest.param(b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", id="identity"),
        pytest.param(b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", id="an unknown coding"),
        pytest.param(b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n", id="a vertical tab"),
        pytest.param(b"Transfer-Encoding: chunked\x00\r\nContent-Length: 5\r\n", id="a NUL"),
        pytest.param(b'Transfer-Encoding: "chunked"\r\nContent-Length: 5\r\n', id="quoted"),
        pytest.param(b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n", id="a folded coding"),
        pytest.param(b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", id="a space before the colon"),
        pytest.param(b" Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", id="a space before the name"),
        pytest.param(b"X: a\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", id="a bare LF"),
        pytest.param(b"X: a\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", id="a bare CR"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 6\r\n", id="two lengths"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 5\r\n", id="the same length twice"),
        pytest.param(b"Content-Length: 5, 5\r\n", id="a list of lengths"),
        pytest.param(b"Content-Length: +5\r\n", id="a sign"),
        pytest.param(b"Content-Length: -5\r\n", id="a negative length"),
        pytest.param(b"Content-Length: 0x5\r\n", id="a hexadecimal length"),
        pytest.param(b"Content-Length: 5_0\r\n", id="an underscore"),
        pytest.param(b"Content-Length: 5.0\r\n", id="a fraction"),
        pytest.param(b"Content-Length: \xb2\r\n", id="a superscript"),
        pytest.param(b"Content-Length: 5 5\r\n", id="a space within"),
        pytest.param(b"Content-Length:\r\n 5\r\n", id="a folded length"),
        pytest.param(b"Content-Length:\r\n", id="an empty length"),
        pytest.param(b"Host: other\r\nContent-Length: 5\r\n", id="two hosts"),
    ],
)
@pytest.mark.parametrize("body", [b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"])
def test_ambiguous_framing_is_rejected(refused: Callable[..., int], framing: bytes, body: bytes) -> None:
    assert refused(framing, body) in {400, 501}


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(b"0x2\r\n{}\r\n", id="a hexadecimal prefix"),
        pytest.param(b"+2\r\n{}\r\n", id="a sign"),
        pytest.param(b"-2\r\n{}\r\n", id="a negative size"),
        pytest.param(b" 2\r\n{}\r\n", id="a space before the size"),
        pytest.param(b"2 \r\n{}\r\n", id="a space behind the size"),
        pytest.param(b"\r\n{}\r\n", id="no size"),
        pytest.param(b"g\r\n{}\r\n", id="no number"),
        pytest.param(b"2\n{}\r\n", id="a bare LF behind the size"),
        pytest.param(b"2\r\n{}\n", id="a bare LF behind the data"),
        pytest.param(b"2\r\n{}X\r\n", id="more data than the size says"),
        pytest.param(b"3\r\n{}\r\n", id="less data than the size says"),
        pytest.param(b"2;a\nb\r\n{}\r\n", id="a bare LF in an extension"),
        pytest.param(b'2;a="\r\n{}\r\n', id="an extension without an end"),
        pytest.param(b"F" * 20 + b"\r\n{}\r\n", id="a size beyond everything"),
        pytest.param(b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n", id="a length in the trailers"),
        pytest.param(b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n", id="a token in the trailers"),
        pytest.param(b"2\r\n{}\r\n0\r\nX: a\n", id="a bare LF in the trailers"),
    ],
)
def test_broken_chunks_end_the_connection(refused: Callable[..., int], chunks: bytes) -> None:
    end = b"\r\n" if b"0\r\n" in chunks else ENDED
    assert refused(CHUNKED, chunks + end) in {400, 413}


def test_chunks_in_http_1_0_are_rejected(refused: Callable[..., int]) -> None:
    assert refused(CHUNKED, b"2\r\n{}\r\n" + ENDED, version=b"HTTP/1.0") == 400


@pytest.mark.parametrize(
    "line",
    [
        b"POST  /callback HTTP/1.1",
        b"POST\t/callback HTTP/1.1",
        b" POST /callback HTTP/1.1",
        b"POST /callback  HTTP/1.1",
        b"POST /call back HTTP/1.1",
        b"POST /callback HTTP/1.1 ",
        b"POST /callback HTTP/1.1\x00",
        b"POST /callback http/1.1",
        b"POST /callback HTTP/1",
        b"POST /callback HTTP/2.0",
        b"POST /callback",
        b"post /callback HTTP/1.1",
        b"POST callback HTTP/1.1",
        b"POST /callb\xc3\xa4ck HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"POST /callback HTTP/1.1\nX: a",
    ],
)
def test_malformed_request_line_is_rejected(service: Service, line: bytes) -> None:
    good = request(service.token(), b"Content-Length: %d\r\n" % len(BODY), BODY)
    answer = exchange(service, line + good[good.index(b"\r\n") :])
    assert (answer.status, answer.problem, answer.answers) == (400, "invalid-request", 1)
    assert service.get("/operations/smuggled").status == 404


@pytest.mark.parametrize(
    "codings",
    [
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: GZip,Chunked\r\n",
        b"Transfer-Encoding: deflate, chunked\r\n",
        b"Transfer-Encoding: identity, chunked\r\n",
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: br, chunked\r\n",
    ],
)
def test_transfer_coding_beside_chunked_is_501(service: Service, codings: bytes) -> None:
    sent = request(service.token(), codings, b"2\r\n{}\r\n" + ENDED)
    answer = exchange(service, sent)
    assert (answer.status, answer.problem) == (501, "unsupported-transfer-coding")
    assert answer.answers == 1


def test_compressed_body_is_415(service: Service) -> None:
    bomb = gzip.compress(b'{"value":[' + b" " * 50_000_000 + b"]}")
    declared = b"Content-Encoding: gzip\r\nContent-Length: %d\r\nConnection: close\r\n" % len(bomb)
    answer = exchange(service, request(service.token(), declared, bomb))
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")
