"""The signing keys fetched through a proxy, with certificates of a private authority."""

import base64
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.trust.egress import Egress, Proxy
from receiver.trust.key_set import UnknownKeyError
from tests.support.forward_proxy import ForwardProxy
from tests.support.key_provider import Peer
from tests.support.tokens import jwk
from tests.trust.fixture_types import FetchKeys, MakeKeySet, MakePeer


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("proxy.example", 3128)),
        ("proxy.example:3128", Proxy("proxy.example", 3128)),
        ("HTTP://proxy.example/", Proxy("proxy.example", 80)),
        ("http://[::1]:8080", Proxy("::1", 8080)),
        ("http://user:pw@p:1", Proxy("p", 1, f"Basic {base64.b64encode(b'user:pw').decode()}")),
        ("user:a@b%2f#c:d@p:1", Proxy("p", 1, f"Basic {base64.b64encode(b'user:a@b/#c:d').decode()}")),
        ("http://user@p:1", Proxy("p", 1, f"Basic {base64.b64encode(b'user').decode()}")),
    ],
)
def test_proxy_url_is_parsed(url: str, proxy: Proxy) -> None:
    assert Proxy.parse(url) == proxy
    assert "Basic" not in repr(proxy)


class TestFetch:
    """Fetches from a provider whose name only the proxy can resolve, to this machine."""

    NAME = "login.provider.example"

    @pytest.fixture
    def authority(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
        """A certificate authority that SSL_CERT_FILE makes OpenSSL trust."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        return authority

    @pytest.fixture
    def peer(self, make_peer: MakePeer, key: RSAPrivateKey, authority: trustme.CA) -> Peer:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(self.NAME, "127.0.0.1").configure_cert(tls)
        peer = make_peer([jwk(key)], tls=tls)
        peer.name = self.NAME
        return peer

    @pytest.fixture
    def fetch(self, make_key_set: MakeKeySet, peer: Peer) -> FetchKeys:
        """A function that fetches through an egress, and returns the error and whether the keys arrived."""

        def fetch(egress: Egress, **options: float) -> tuple[str | None, bool]:
            keys = make_key_set(peer, egress=egress, **options)
            with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller checks which
                keys.get("")
            return keys.status().error, isinstance(caught.value, UnknownKeyError)

        return fetch

    def test_keys_are_fetched_through_a_tunnel(self, peer: Peer, fetch: FetchKeys) -> None:
        with ForwardProxy(login="user:pw") as proxy:
            egress = Egress(Proxy.parse(proxy.url))
            assert fetch(egress) == (None, True)
            host = f"{self.NAME}:{peer.port}"
            assert proxy.seen == [f"CONNECT {host}"] * 2
            assert peer.requests == ["/metadata", "/keys"]

    def test_host_in_no_proxy_is_fetched_directly(self, peer: Peer, fetch: FetchKeys) -> None:
        peer.name = "127.0.0.1"
        with ForwardProxy() as proxy:
            for none in ("127.0.0.1", "*", f"other, 127.0.0.1:{peer.port}"):
                assert fetch(Egress(Proxy.parse(proxy.url), none)) == (None, True)
            assert proxy.seen == []
            assert fetch(Egress(Proxy.parse(proxy.url), "127.0.0.2,27.0.0.1")) == (None, True)
            assert len(proxy.seen) == 2

    def test_error_of_a_refusing_proxy_names_the_proxy(self, fetch: FetchKeys) -> None:
        with ForwardProxy(login="user:pw") as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url.replace("pw", "secret"))))
        assert error
        assert "proxy" in error
        assert "secret" not in error
        error, _ = fetch(Egress(Proxy.parse("http://127.0.0.1:1")))
        assert error
        assert "proxy" in error

    def test_proxy_that_drips_is_cut_off(self, fetch: FetchKeys) -> None:
        with ForwardProxy(drips=True) as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url)), time_limit=0.5)
        assert error == "it took longer than 0.5 s"

    def test_keys_on_another_host_are_not_fetched(self, peer: Peer, fetch: FetchKeys) -> None:
        peer.jwks_uri = f"https://elsewhere.example:{peer.port}/keys"
        with ForwardProxy() as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url)))
            assert error
            assert "RECEIVER_KEY_HOSTS" in error
            assert len(proxy.seen) == 1

    def test_untrusted_certificate_error_names_ssl_cert_file(
        self, fetch: FetchKeys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
        with ForwardProxy() as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url)))
        assert error
        assert "SSL_CERT_FILE" in error

    def test_check_command_uses_the_proxy(self, peer: Peer) -> None:
        with ForwardProxy() as proxy:
            variables = {"RECEIVER_METADATA_URL": peer.metadata_url, "https_proxy": proxy.url}
            checked = subprocess.run(
                [sys.executable, "-m", "receiver", "check"],
                env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"], **variables},
                capture_output=True,
                text=True,
                check=False,
            )
            assert "The signing keys were fetched: 1 key(s)." in checked.stdout
            assert proxy.seen


def test_plain_http_on_loopback_bypasses_the_proxy(
    make_peer: MakePeer, make_key_set: MakeKeySet, key: RSAPrivateKey
) -> None:
    with ForwardProxy() as proxy:
        keys = make_key_set(make_peer([jwk(key)]), egress=Egress(Proxy.parse(proxy.url)))
        with pytest.raises(UnknownKeyError):
            keys.get("")
        assert proxy.seen == []
