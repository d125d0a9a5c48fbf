"""Public pages, the OpenAPI document and static files: rendered once, compressed, with a version."""

import gzip
import re
import time
from collections.abc import Iterator

import pytest
import urllib3

from receiver.simulator.issuer import Issuer
from receiver.web.public_documents import VariedDocument
from tests.support.hardened import soft
from tests.support.service import Service
from tests.support.stores import StoreServer

PATHS = ["/docs", "/docs/guides/waiting", "/openapi.json", "/problems/overloaded", "/static/x/page.js", "/"]
VERSIONED = PATHS[:-1]


@pytest.fixture(scope="module")
def unvisited(
    store_server: StoreServer, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A receiver that no test has asked by another host: it caches the pages of the first few hosts only."""
    with Service(tmp_path_factory.mktemp("unvisited"), store_server.url, issuer) as running:
        yield running
        running.stop()


def get(service: Service, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with urllib3.PoolManager() as pool:
        return pool.request("GET", service.address + path, headers=sent, decode_content=False)


@pytest.mark.parametrize("path", PATHS)
def test_public_document_is_compressed_for_clients_that_take_it(unvisited: Service, path: str) -> None:
    plain, packed = get(unvisited, path), get(unvisited, path, Accept_Encoding="br, gzip;q=0.8")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    for answer in (plain, packed):
        assert answer.status == 200
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert soft(answer.headers) == []
    assert len(packed.data) < len(plain.data)
    assert get(unvisited, path, Accept_Encoding="gzip;q=0").headers.get("Content-Encoding") is None


@pytest.mark.parametrize("path", VERSIONED)
def test_public_document_is_304_while_it_is_the_same(unvisited: Service, path: str) -> None:
    tags = {get(unvisited, path, Accept_Encoding=coding).headers["ETag"] for coding in ("identity", "gzip")}
    assert len(tags) == 2, "each form has a tag of its own"
    for tag in tags:
        for coding in ("identity", "gzip"):
            same = get(unvisited, path, Accept_Encoding=coding, If_None_Match=tag)
            assert (same.status, same.data) == (304, b"")
    assert get(unvisited, path, If_None_Match='"other"').status == 200


def test_current_static_file_may_be_kept_for_a_year(service: Service) -> None:
    page = get(service, "/docs").data.decode()
    for path in set(re.findall(r'"(/static/\w+/[\w.]+)"', page)):
        answer = get(service, path)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert get(service, "/static/x/page.js").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("host", ["receiver.example", "receiver.example:8443", "[::1]:8000"])
def test_docs_quote_the_address_that_the_client_uses(service: Service, host: str) -> None:
    page = get(service, "/docs", Host=host).data.decode()
    assert f"http://{host}/operations" in page
    assert get(service, "/docs", Host=host).headers["ETag"] != get(service, "/docs").headers["ETag"]


@pytest.mark.parametrize("host", ["a'$(touch,x)'", "a;b", "a&b"])
def test_docs_quote_no_address_with_characters_of_the_shell(service: Service, host: str) -> None:
    page = get(service, "/docs", Host=host).data.decode()
    assert host not in page
    assert "receiver-address" not in page


def test_docs_for_any_number_of_hosts_stay_cheap(service: Service) -> None:
    get(service, "/docs")
    began = time.process_time(), time.monotonic()
    with urllib3.PoolManager() as pool:
        for number in range(60):
            headers = {"Host": f"host-{number}.example", "Accept-Encoding": "gzip"}
            answer = pool.request("GET", f"{service.address}/docs", headers=headers)
            assert f"http://host-{number}.example/operations".encode() in answer.data
    assert time.monotonic() - began[1] < 60 * 0.015, "before, each took more than 18 ms"


def test_varied_document_keeps_few_of_its_forms() -> None:
    made = []

    def make() -> str:
        made.append(1)
        return "to @ and @"

    document = VariedDocument(make, "@", "text/plain")
    kept = [document.at(str(number)) for number in range(100)]
    assert [one.content for one in kept[:2]] == [b"to 0 and 0", b"to 1 and 1"]
    assert len(made) == 1
    assert sum(one.compressed is not None for one in kept) < 20
    assert len({one.version for one in kept}) == 100
    assert document.at("0") is kept[0]


def test_sign_in_form_leads_to_the_wanted_page_and_nowhere_else(service: Service) -> None:
    for path in ("/view/quarantine?x=1&y=%22%3E", "/view/call/a'b"):
        form = get(service, path)
        assert form.status == 401
        then = re.findall(r'name="then" value="([^"]*)"', form.data.decode())
        assert len(then) == 1
        assert then[0].startswith(path.split("?")[0].replace("'", "&#39;"))
        assert ">" not in then[0]
