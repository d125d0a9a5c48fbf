"""A store behind sentinels: with TLS, and with credentials of the sentinels' own."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis
import trustme

from receiver.errors import StoreUnavailableError
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from tests.support import stores
from tests.support.service import free_port

DEBIAN = "redis-system"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca`, `cert` and `key`."""
    folder, authority = tmp_path_factory.mktemp("certificate"), trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert")
    issued.private_key_pem.write_to_path(folder / "key")
    authority.cert_pem.write_to_path(folder / "ca")
    return folder


@contextmanager
def sentinel(folder: Path, settings: Sequence[str]) -> Iterator[None]:
    binary = stores.KINDS[DEBIAN]()
    assert binary
    file = folder / "sentinel.conf"
    file.write_text("\n".join(("bind 127.0.0.1", f"dir {folder}", *settings)))
    process = subprocess.Popen([binary, str(file), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def stores_in_time(url: str, tls_verify: str) -> bool:
    """Try for some seconds: a sentinel needs a moment to know its primary."""
    deadline = time.monotonic() + 10
    with closing(StoreClient(connect(url, tls_verify))) as store_client:
        while time.monotonic() < deadline:
            try:
                return store_client.call([("SET", "key", "value")], within=2) == [b"OK"]
            except StoreUnavailableError:
                time.sleep(0.1)
    return False


def is_refused(url: str, tls_verify: str) -> bool:
    with closing(StoreClient(connect(url, tls_verify))) as store_client, pytest.raises(StoreUnavailableError):
        store_client.call([("PING",)], within=1)
    return True


@pytest.mark.skipif(stores.KINDS[DEBIAN]() is None, reason="no redis-server on this machine")
class TestSentinel:
    def test_sentinels_take_a_login_of_their_own(self, tmp_path: Path) -> None:
        port, at = free_port(), free_port()
        settings = [
            f"port {at}",
            f"sentinel monitor main 127.0.0.1 {port} 1",
            "sentinel auth-pass main store-secret",
            "requirepass sentinel@secret",
        ]
        with stores.start(DEBIAN, ["--port", str(port)]) as store, sentinel(tmp_path, settings):
            store.client.config_set("requirepass", "store-secret")
            url = f"redis+sentinel://:store-secret@127.0.0.1:{at}/main/2"
            assert stores_in_time(f"{url}?sentinel_password=sentinel%40secret", "required")
            assert is_refused(url, "required")
            assert is_refused(f"{url}?sentinel_password=other", "required")
            with redis.Redis(unix_socket_path=str(store.socket), password="store-secret", db=2) as client:
                assert client.get("key") == b"value"

    def test_sentinels_and_store_speak_tls(self, tmp_path: Path, certificate: Path) -> None:
        port, at = free_port(), free_port()
        tls = {
            "tls-cert-file": certificate / "cert",
            "tls-key-file": certificate / "key",
            "tls-ca-cert-file": certificate / "ca",
            "tls-auth-clients": "no",
            "tls-replication": "yes",
        }
        options = [word for name, value in tls.items() for word in (f"--{name}", str(value))]
        settings = [
            *(f"{name} {value}" for name, value in tls.items()),
            *(f"tls-port {at}", "port 0", f"sentinel monitor main 127.0.0.1 {port} 1"),
        ]
        with stores.start(DEBIAN, ["--tls-port", str(port), *options]), sentinel(tmp_path, settings):
            url = f"rediss+sentinel://127.0.0.1:{at}/main"
            assert stores_in_time(url, str(certificate / "ca"))
            assert stores_in_time(url, "none")
            assert is_refused(url, "required")
            assert is_refused(f"{url}?sentinel_ssl=false", "none")

    def test_tls_store_may_have_sentinels_without_tls(self, tmp_path: Path, certificate: Path) -> None:
        port, at = free_port(), free_port()
        tls = ["--tls-cert-file", str(certificate / "cert"), "--tls-key-file", str(certificate / "key")]
        tls += ["--tls-ca-cert-file", str(certificate / "ca"), "--tls-auth-clients", "no"]
        settings = [
            *(f"tls-cert-file {certificate / 'cert'}", f"tls-key-file {certificate / 'key'}"),
            *(f"tls-ca-cert-file {certificate / 'ca'}", "tls-replication yes"),
            *(f"port {at}", f"sentinel monitor main 127.0.0.1 {port} 1"),
        ]
        with stores.start(DEBIAN, ["--tls-port", str(port), *tls]), sentinel(tmp_path, settings):
            url = f"rediss+sentinel://127.0.0.1:{at}/main?sentinel_ssl=false"
            assert stores_in_time(url, str(certificate / "ca"))
