"""The environment's proxy, for the client and for the commands."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.client import MisconfiguredError, Receiver, UnreachableError
from tests.client.proxy import Proxy
from tests.client.test_tls import encrypted, unknown
from tests.support.notifications import operation
from tests.support.service import READ, Service, free_port

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def without_the_machines_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as running:
        yield running


def run(service: Service, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "RECEIVER_KEY": READ, **environment}
    url = f"http://receiver.test:{service.port}"
    return subprocess.run(
        [sys.executable, "-m", "receiver", *command],
        env={"RECEIVER_URL": url, **given},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_http_goes_through_the_proxy(service: Service, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy.address)  # without a scheme, which curl accepts, too
    service.call_back(operation())
    url = f"http://receiver.test:{service.port}"
    assert Receiver(url, READ).get("invite-1")
    with Receiver(url, READ).stream(client_context="invite-1") as stream:
        assert next(stream).operation
    assert proxy.seen == [f"GET {url}/operations/invite-1", f"GET {url}/events?clientContext=invite-1"]


def test_https_goes_through_a_tunnel(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with encrypted(tmp_path, "receiver.test") as impostor:
        impostor.do = unknown
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        port = impostor.origin.rpartition(":")[2]
        assert Receiver(f"https://receiver.test:{port}", READ).get("x") is None
        assert proxy.seen == [f"CONNECT receiver.test:{port}"]


def test_commands_go_through_the_proxy(service: Service, proxy: Proxy) -> None:
    service.call_back(operation())
    for command in (("get", "invite-1"), ("wait", "invite-1")):
        result = run(service, *command, HTTP_PROXY=f"http://{proxy.address}")
        assert (result.returncode, result.stderr) == (0, "")
    assert len(proxy.seen) == 2


@pytest.mark.parametrize("exception", ["127.0.0.1", "*", "127.0.0.0/8", "x, 127.0.0.1:{port}", "0.0.1"])
def test_no_proxy_excepts_a_host(
    service: Service, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, exception: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
    monkeypatch.setenv("NO_PROXY", exception.format(port=service.port))
    assert Receiver(service.address, READ).get("unknown") is None
    assert proxy.seen == []


@pytest.mark.parametrize("exception", ["", "10.0.0.0/8", "127.0.0.1:1", "example.com,::1"])
def test_no_proxy_of_another_host_keeps_the_proxy(
    service: Service, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, exception: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
    monkeypatch.setenv("NO_PROXY", exception)
    assert Receiver(service.address, READ).get("unknown") is None
    assert len(proxy.seen) == 1


def test_a_proxys_password_is_sent_and_not_quoted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy("Basic dTpwQHNz") as proxy:  # u:p@ss
        monkeypatch.setenv("HTTP_PROXY", f"http://u:p%40ss@{proxy.address}")
        assert Receiver(service.address, READ).get("unknown") is None
        monkeypatch.setenv("HTTP_PROXY", f"http://u:wrong@{proxy.address}")
        with pytest.raises(MisconfiguredError, match="user name and a password") as refused:
            Receiver(service.address, READ).wait("unknown")
        assert "wrong" not in str(refused.value)
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with pytest.raises(MisconfiguredError, match="user name and a password"):
            Receiver(f"https://receiver.test:{service.port}", READ).wait("unknown")


def test_an_unreachable_proxy_is_named_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTP_PROXY", f"http://u:secret@{address}")
    with pytest.raises(UnreachableError, match=f"through the proxy http://{address}: .*refused") as result:
        Receiver("http://receiver.test").get("x")
    assert "secret" not in str(result.value)


@pytest.mark.parametrize("proxy", ["socks5://u:secret@127.0.0.1:1080", "http://"])
def test_a_malformed_proxy_is_refused_with_its_variable(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(
        ValueError, match=r"set HTTP_PROXY to .* or add receiver\.test to NO_PROXY"
    ) as refused:
        Receiver("http://receiver.test")
    assert "secret" not in str(refused.value)
