import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.client import Receiver
from receiver.simulator.issuer import Issuer
from tests.support.key_provider import Handler, Peer, hang_up
from tests.support.service import ALL, Service
from tests.support.stores import StoreServer


@pytest.fixture
def own_service(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver of one test, which may stop it."""
    with Service(tmp_path, store.url, issuer, WEB_CONCURRENCY="1") as running:
        yield running


@pytest.fixture
def receiver(service: Service) -> Receiver:
    return Receiver(service.address, ALL)


class Impostor(Peer):
    """A server that handles every request by its attribute `do`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.do: Callable[..., None] = hang_up
        super().__init__([], tls)

    def answer(self, handler: Handler) -> None:
        self.requests.append(handler.path)
        self.do(handler)


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    with Impostor() as peer:
        yield peer
