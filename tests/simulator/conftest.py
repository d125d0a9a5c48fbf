from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.simulator.peer import Peer, run_peer


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file in a folder that does not exist yet; shared, since keys take time to make."""
    return tmp_path_factory.mktemp("issuer") / "new" / "key.pem"


@pytest.fixture
def issuer(key_file: Path) -> Iterator[Issuer]:
    with Issuer(key_file) as issuer:
        yield issuer


@pytest.fixture
def peer() -> Iterator[Peer]:
    with run_peer() as peer:
        yield peer
