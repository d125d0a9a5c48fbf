"""How the signing keys are fetched where the way out is a proxy, with certificates of a company's own."""

import base64
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from receiver.trust.egress import Egress, Proxy
from receiver.trust.key_set import UnknownKeyError
from tests.support.forward_proxy import ForwardProxy
from tests.support.tokens import jwk


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
def test_a_proxy_is_parsed(url: str, proxy: Proxy) -> None:
    assert Proxy.parse(url) == proxy
    assert "Basic" not in repr(proxy)


class TestFetch:
    """Fetch from a provider that only the proxy can resolve: every name leads it to this machine."""

    NAME = "login.provider.example"

    @pytest.fixture
    def authority(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
        """Trust an authority, as SSL_CERT_FILE has OpenSSL do."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        return authority

    @pytest.fixture
    def peer(self, make_peer, key, authority: trustme.CA):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(self.NAME, "127.0.0.1").configure_cert(tls)
        peer = make_peer([jwk(key)], tls=tls)
        peer.name = self.NAME
        return peer

    @pytest.fixture
    def fetch(self, make_key_set, peer):
        def fetch(egress: Egress, **options):
            keys = make_key_set(peer, egress=egress, **options)
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever; the caller looks
                keys.get("")
            return keys.status().error, isinstance(caught.value, UnknownKeyError)

        return fetch

    def test_keys_come_through_a_tunnel(self, peer, fetch) -> None:
        with ForwardProxy(login="user:pw") as proxy:
            egress = Egress(Proxy.parse(proxy.url))
            assert fetch(egress) == (None, True)
            host = f"{self.NAME}:{peer.port}"
            assert proxy.seen == [f"CONNECT {host}"] * 2
            assert peer.requests == ["/metadata", "/keys"]

    def test_a_host_of_no_proxy_is_asked_directly(self, peer, fetch) -> None:
        peer.name = "127.0.0.1"
        with ForwardProxy() as proxy:
            for none in ("127.0.0.1", "*", f"other, 127.0.0.1:{peer.port}"):
                assert fetch(Egress(Proxy.parse(proxy.url), none)) == (None, True)
            assert proxy.seen == []
            assert fetch(Egress(Proxy.parse(proxy.url), "127.0.0.2,27.0.0.1")) == (None, True)
            assert len(proxy.seen) == 2

    def test_a_proxy_that_refuses_is_named_as_the_cause(self, fetch) -> None:
        with ForwardProxy(login="user:pw") as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url.replace("pw", "secret"))))
        assert error
        assert "proxy" in error
        assert "secret" not in error
        error, _ = fetch(Egress(Proxy.parse("http://127.0.0.1:1")))
        assert error
        assert "proxy" in error

    def test_a_proxy_that_drips_its_answer_is_cut_off(self, fetch) -> None:
        with ForwardProxy(drips=True) as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url)), time_limit=0.5)
        assert error == "it took longer than 0.5 s"

    def test_keys_on_another_host_are_not_fetched_through_a_proxy(self, peer, fetch) -> None:
        peer.jwks_uri = f"https://elsewhere.example:{peer.port}/keys"
        with ForwardProxy() as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url)))
            assert error
            assert "RECEIVER_KEY_HOSTS" in error
            assert len(proxy.seen) == 1

    def test_an_untrusted_certificate_says_which_variable_helps(
        self, fetch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
        with ForwardProxy() as proxy:
            error, _ = fetch(Egress(Proxy.parse(proxy.url)))
        assert error
        assert "SSL_CERT_FILE" in error

    def test_check_fetches_as_the_environment_says(self, peer) -> None:
        with ForwardProxy() as proxy:
            variables = {"RECEIVER_METADATA_URL": peer.metadata_url, "https_proxy": proxy.url}
            checked = subprocess.run(
                [sys.executable, "-m", "receiver", "check"],
                env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"], **variables},
                capture_output=True,
                text=True,
                check=False,
            )
            assert "The signing keys can be had: 1" in checked.stdout
            assert proxy.seen


def test_plain_http_on_loopback_never_takes_a_proxy(make_peer, make_key_set, key) -> None:
    with ForwardProxy() as proxy:
        keys = make_key_set(make_peer([jwk(key)]), egress=Egress(Proxy.parse(proxy.url)))
        with pytest.raises(UnknownKeyError):
            keys.get("")
        assert proxy.seen == []
