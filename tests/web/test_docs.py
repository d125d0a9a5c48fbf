"""The OpenAPI document and the documentation of a running receiver."""

import re

from receiver.web.openapi.problem_advice import ADVICE
from tests.support.api_document import document
from tests.support.service import Service


def test_openapi_document_is_public_and_has_an_etag(service: Service) -> None:
    response = service.get("/openapi.json", key=None)
    assert (response.status, response.json) == (200, document())
    same = service.get("/openapi.json", key=None, headers={"If-None-Match": response.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")


def test_documentation_shows_every_route_and_valid_links(service: Service) -> None:
    page = service.get("/docs", key=None).body.decode()
    for methods in document()["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
    assert (
        '<code>event: operation</code> with data <span class="kind"><a href="#type-OperationRecord">' in page
    )
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for store_client in re.findall(r'href="#([^"]+)"', page):
        assert store_client in ids


def test_every_problem_type_is_the_address_of_its_page(service: Service) -> None:
    linked = set(re.findall(r'href="/problems/([^"]+)"', service.get("/docs", key=None).body.decode()))
    explained = {error.type for error in ADVICE}
    assert linked <= explained
    for error in ADVICE:
        page = service.get(f"/problems/{error.type}", key=None)
        assert page.status == 200
        assert error.title in page.body.decode().replace("&#39;", "'")


def test_unknown_problem_type_is_not_found(service: Service) -> None:
    assert service.get("/problems/boredom", key=None).status == 404
