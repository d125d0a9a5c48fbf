"""What the tests of deploying share: the project as a platform builds it, and a store as a platform gives it."""

from collections.abc import Iterator

import pytest

from tests.deploy.slug import Slug
from tests.support import stores
from tests.support.parallel import build_once


@pytest.fixture(scope="session")
def slug() -> Slug:
    return Slug(build_once("slug", Slug.build))


@pytest.fixture(scope="session")
def tls_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.TLSStore]:
    try:
        store = stores.start_with_tls(tmp_path_factory.mktemp("tls"))
    except stores.NoSuchServerError as error:
        pytest.skip(str(error))
    with store.server:
        yield store
