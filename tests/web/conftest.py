from collections.abc import Iterator

import pytest

from receiver.simulator.issuer import Issuer
from tests.service import Service
from tests.stores import StoreServer


@pytest.fixture(scope="session")
def other_service(
    store_server: StoreServer, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A second receiver on the same store."""
    other = Service(tmp_path_factory.mktemp("other"), store_server.url, issuer, WEB_CONCURRENCY="1")
    other.start()
    yield other
    other.kill()
