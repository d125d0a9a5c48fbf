"""Connections follow the store's URL: to a real server, by TLS, and by sentinels."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from receiver.errors import StoreUnavailableError
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.store.test_address import PASSWORDS
from tests.support import stores
from tests.support.service import free_port
from tests.support.stores import StoreServer


@pytest.fixture(scope="module")
def server() -> Iterator[StoreServer]:
    with stores.start(options=["--port", str(free_port()), "--bind", "127.0.0.1", "-::1"]) as started:
        yield started


def port_of(server: StoreServer) -> str:
    return str(server.client.config_get("port")["port"])


def stores_something(url: str, tls_verify: str = "required") -> bool:
    with closing(StoreClient(connect(url, tls_verify))) as store_client:
        try:
            return store_client.call([("SET", "key", "value")], within=2) == [b"OK"]
        except StoreUnavailableError:
            return False


@pytest.mark.parametrize(("written", "password"), PASSWORDS.values(), ids=PASSWORDS)
def test_password_in_the_url_opens_the_store(server: StoreServer, written: str, password: str) -> None:
    server.client.config_set("requirepass", password)
    try:
        assert stores_something(f"redis://:{written}@127.0.0.1:{port_of(server)}/0")
        assert stores_something(f"unix://:{written}@{server.socket}")
        assert not stores_something(f"redis://:{written}x@127.0.0.1:{port_of(server)}/0")
    finally:
        server.client.config_set("requirepass", "")


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:{}/0?family=0",
        "REDIS://localhost:{}?family=4&protocol=2",
        "valkey://127.0.0.1:{}/?ssl=false",
        "redis://127.0.0.1:{}?db=",
    ],
)
def test_url_with_supported_options_opens_the_store(server: StoreServer, url: str) -> None:
    assert stores_something(url.format(port_of(server)))


def test_database_of_the_url_is_written(server: StoreServer) -> None:
    for url in (f"redis://127.0.0.1:{port_of(server)}/7", f"unix://{server.socket}?db=8"):
        assert stores_something(url)
    keyspace = server.client.info("keyspace")
    assert {"db7", "db8"} <= keyspace.keys()


def test_connection_uses_only_the_chosen_address_family(server: StoreServer) -> None:
    assert not stores_something(f"redis://127.0.0.1:{port_of(server)}?family=6")


def test_tls_verify_setting_overrides_the_url(tmp_path: Path) -> None:
    try:
        store = stores.start_with_tls(tmp_path)
    except stores.NoSuchServerError as error:
        pytest.skip(str(error))
    with store.server:
        for url in (store.url, f"{store.url}?ssl=true", f"{store.url}?ssl_cert_reqs=CERT_NONE"):
            assert stores_something(url, "none")
            assert stores_something(url, str(store.authority))
            assert not stores_something(url, "required")
