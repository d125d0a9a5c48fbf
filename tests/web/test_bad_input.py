"""Invalid input over HTTP: a clear problem, and nothing lost or stored wrongly."""

import gzip
import json
from http.client import HTTPConnection

import pytest

from tests.support.notifications import operation
from tests.support.service import WRITE, Service
from tests.support.stores import StoreServer

GOOD = operation(cc="good")
LIMIT = 4 << 20  # of a body, where RECEIVER_MAX_BODY_BYTES is not set


def raw(template: str) -> bytes:
    """A body whose second item holds something that `json.dumps` would not write."""
    bad = json.dumps(operation(cc="bad", op="99999999-d628-42ed-b4bd-8ac290072cc5", odd="@")).replace(
        '"@"', template
    )
    return b'{"value": [%s, %s]}' % (json.dumps(GOOD).encode(), bad.encode())


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"not JSON", "invalid-json", id="not JSON"),
        pytest.param(b'{"value": [', "invalid-json", id="cut off"),
        pytest.param(b'\xff\xfe{"value": []}', "invalid-json", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "invalid-json", id="nested thousands of levels deep"),
        pytest.param(
            b'{"value":' + b"[" * 5000 + b"]" * 5000 + b"}", "invalid-json", id="closed, and as deep"
        ),
        pytest.param(raw("NaN"), "invalid-json", id="NaN"),
        pytest.param(raw("-Infinity"), "invalid-json", id="Infinity"),
        pytest.param(raw("1e999"), "invalid-json", id="beyond a float"),
        pytest.param(raw("1" * 5000), "invalid-json", id="an integer of 5,000 digits"),
        pytest.param(b"[]", "invalid-envelope", id="a list"),
        pytest.param(b'"text"', "invalid-envelope", id="a text"),
        pytest.param(b"null", "invalid-envelope", id="null"),
        pytest.param(b"{}", "invalid-envelope", id="value is missing"),
        pytest.param(b'{"value": null}', "invalid-envelope", id="value is null"),
        pytest.param(b'{"value": {}}', "invalid-envelope", id="value is an object"),
    ],
)
def test_body_that_is_not_a_collection_is_rejected(
    service: Service, store: StoreServer, body: bytes, problem: str
) -> None:
    refused = service.call_back(body=body)
    assert (refused.status, refused.problem) == (400, problem)
    kept = service.get("/quarantine", key=WRITE).json["items"]
    assert len(kept) == 1, "an item of an authenticated sender is never dropped"
    assert store.client.exists("receiver:{0}:next") == 0


@pytest.mark.parametrize("item", [17, "text", None, [], True, [operation()]])
def test_item_that_is_not_an_object_leaves_others_stored(service: Service, item: object) -> None:
    assert service.call_back(item, GOOD).status == 202
    assert service.get("/operations/good").json["done"]
    [entry] = service.get("/quarantine", key=WRITE).json["items"]
    assert entry["reason"] == "Each item of the list `value` must be a JSON object; this one is not."


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("1" * 100, b'"odd":' + b"1" * 100, id="a huge integer is kept to the digit"),
        pytest.param("18446744073709551616", b'"odd":18446744073709551616', id="2 to the power of 64"),
        pytest.param('"a\\ud83dz"', '"odd":"a\ufffdz"'.encode(), id="a lone surrogate is replaced"),
        pytest.param('1, "odd": 2', b'"odd":2', id="of duplicate members the last counts"),
        pytest.param('"\\u0000"', b'"odd":"\\u0000"', id="NUL in a text"),
    ],
)
def test_odd_values_are_stored_unchanged(service: Service, template: str, expected: bytes) -> None:
    assert service.call_back(body=raw(template)).status == 202
    assert service.get("/operations/good").json["done"]
    response = service.get("/operations/bad")
    assert response.status == 200
    assert expected in response.body


def test_too_deeply_nested_item_is_quarantined_alone(service: Service) -> None:
    assert service.call_back(body=raw("[" * 400 + "]" * 400)).status == 202
    assert service.get("/operations/good").json["done"]
    assert service.get("/operations/bad").status == 404
    [entry] = service.get("/quarantine", key=WRITE).json["items"]
    assert "nested" in entry["reason"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "deflate, gzip"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)
@pytest.mark.parametrize("path", ["/callback", "/notifications"])
def test_body_of_another_media_type_is_rejected(service: Service, path: str, headers: dict[str, str]) -> None:
    body = gzip.compress(json.dumps({"value": [GOOD]}).encode())
    refused = service.call_back(body=body, headers=headers, path=path)
    assert (refused.status, refused.problem) == (415, "unsupported-media-type")
    assert service.get("/operations/good").status == 404
    assert len(service.get("/quarantine", key=WRITE).json["items"]) == (path == "/callback")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=Windows-1252"],
)
def test_every_content_type_of_graph_is_read(service: Service, content_type: str) -> None:
    body = json.dumps({"value": [operation(name="Zoë")]}, ensure_ascii=False)
    charset = "windows-1252" if "1252" in content_type else "utf-8"
    for encoding in (charset, "utf-8"):
        answer = service.call_back(body=body.encode(encoding), headers={"Content-Type": content_type})
        assert answer.status == 202
        assert service.get("/operations/invite-1").json["operation"]["name"] == "Zoë"


@pytest.mark.parametrize("path", ["/callback", "/notifications"])
def test_body_over_the_limit_is_rejected(service: Service, path: str) -> None:
    filler = "x" * (LIMIT - 200)
    largest = json.dumps({"value": [], "filler": filler}).encode()
    assert service.call_back(body=largest, path=path).status == 202
    refused = service.call_back(body=largest + b" " * 200, path=path)
    assert (refused.status, refused.problem) == (413, "payload-too-large")
    assert service.call_back(GOOD).status == 202


# Bodies without a length


def chunked(service: Service, path: str, body: bytes, token: str) -> tuple[int, bytes, bool]:
    """POST bytes that claim to be chunks; return the status, the answer's body, and whether the connection ends."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.putrequest("POST", path)
    for name, value in {"Authorization": f"Bearer {token}", "Transfer-Encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    response = (answer.status, answer.read(), answer.headers["Connection"] == "close")
    connection.close()
    return response


def chunks(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def test_chunked_body_is_read(service: Service) -> None:
    status, _, ends = chunked(
        service, "/callback", chunks(json.dumps({"value": [GOOD]}).encode()), service.token()
    )
    assert (status, ends) == (202, False)
    assert service.get("/operations/good").json["done"]


def test_chunked_body_over_the_limit_is_rejected(service: Service) -> None:
    body = json.dumps({"value": [GOOD]}).encode()
    for too_long in (body + b" " * LIMIT, b"a" * LIMIT + b"a"):
        status, response, _ = chunked(service, "/callback", chunks(too_long), service.token())
        assert (status, json.loads(response)["type"]) == (413, "/problems/payload-too-large")
    assert service.get("/operations/good").status == 404


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nabcdefgh\r\n", b"-1\r\n\r\n"])
@pytest.mark.parametrize("path", ["/callback", "/notifications"])
def test_broken_chunks_are_a_bad_request(service: Service, path: str, body: bytes) -> None:
    status, response, ends = chunked(service, path, body, service.token())
    assert (status, json.loads(response)["type"], ends) == (400, "/problems/invalid-request", True)
