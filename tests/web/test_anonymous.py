"""Responses to clients without a key: states and advice, no path, host name or text of an error."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.service import READ, WRITE, Answer, Service
from tests.support.stores import StoreServer

SPOOL = "/dev/null/secret-spool"


@pytest.fixture
def broken(tmp_path: Path, own_store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver whose store is away, and whose spool can't be used."""
    with Service(tmp_path, own_store.url, issuer, WEB_CONCURRENCY="1", RECEIVER_SPOOL=SPOOL) as service:
        assert service.call_back(operation()).status == 202, "the signing keys are there"
        own_store.kill()
        yield service


def test_readyz_has_details_with_a_key_only(broken: Service) -> None:
    for key in (None, "wrong"):
        anonymous = broken.get("/readyz", key=key)
        assert (anonymous.status, anonymous.json["checks"]) == (
            503,
            {
                "store": "unavailable",
                "spool": "unavailable",
                "signingKeys": "ok",
                "loops": "ok",
                "records": "ok",
                "callback": "ok",
                "queries": "ok",
            },
        )
    for key in (READ, WRITE):
        checks = broken.get("/readyz", key=key).json["checks"]
        assert SPOOL in checks["spool"]
        assert checks["store"].startswith("The store can't be reached")


def test_response_without_key_names_no_path_or_host(broken: Service, own_store: StoreServer) -> None:
    answers: list[Answer] = [
        broken.call_back(operation()),
        broken.request("POST", "/notifications", key=None, body=b"{"),
        broken.request("DELETE", "/operations/invite-1", key=WRITE),
        broken.request("DELETE", "/calls/x", key=WRITE),
        *(broken.get(path, key=None) for path in ("/livez", "/readyz", "/metrics", "/openapi.json", "/docs")),
        *(broken.get(path, key=None) for path in ("/", "/nothing", "/view/quarantine", "/operations/x")),
    ]
    assert [answer.status for answer in answers[:4]] == [503, 400, 503, 503]
    for answer in answers:
        text = answer.body.decode()
        for secret in ("secret-spool", "/dev/null", str(own_store.folder), "sqlite", "Errno"):
            assert secret not in text, (secret, text[:500])
    assert SPOOL in broken.log
