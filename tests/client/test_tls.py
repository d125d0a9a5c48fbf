"""Certificates, and addresses with the wrong scheme: errors that no retry resolves."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
import urllib3

from receiver.client import MisconfiguredError, Receiver
from tests.client.conftest import Impostor
from tests.client.test_faults import answering
from tests.client.test_wait import Time
from tests.support.key_provider import Handler
from tests.support.service import Service

unknown = answering({"type": "/problems/operation-not-found"}, 404, "application/problem+json")


@contextmanager
def encrypted(folder: Path, name: str = "127.0.0.1", *, ends: datetime | None = None) -> Iterator[Impostor]:
    """Run an impostor with a certificate of a CA of its own, whose certificate is in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=ends).configure_cert(context)
    with Impostor(context) as impostor:
        impostor.do = unknown
        yield impostor


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def error_of(ask: Callable[..., object], time: Time) -> str:
    with pytest.raises(MisconfiguredError) as refused:
        ask()
    assert time.slept == [], "it is raised at once"
    return str(refused.value)


@pytest.mark.usefixtures("trusted")
def test_a_ca_in_ssl_cert_file_is_trusted(tmp_path: Path) -> None:
    with encrypted(tmp_path) as impostor:
        assert Receiver(impostor.origin).get("x") is None


def test_a_given_pool_may_trust_another_ca(tmp_path: Path) -> None:
    with encrypted(tmp_path) as impostor, urllib3.PoolManager(ca_certs=str(tmp_path / "ca.pem")) as pool:
        assert Receiver(impostor.origin, http=pool).get("x") is None


def test_an_unknown_ca_fails_at_once_with_advice(tmp_path: Path) -> None:
    time = Time()
    with encrypted(tmp_path) as impostor:
        receiver = Receiver(impostor.origin, clock=time, sleep=time.sleep)
        for ask in (lambda: receiver.get("x"), lambda: receiver.wait("x"), receiver.stream):
            result = error_of(ask, time)
            assert result.startswith(f"{impostor.origin} can't be used: its certificate is not trusted (")
            assert "set SSL_CERT_FILE to the file with that CA's certificate" in result


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_fails_at_once(tmp_path: Path) -> None:
    time = Time()
    with encrypted(tmp_path, "receiver.example") as impostor:
        result = error_of(lambda: Receiver(impostor.origin, clock=time, sleep=time.sleep).wait("x"), time)
    assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in result
    assert "SSL_CERT_FILE" not in result


@pytest.mark.usefixtures("trusted")
def test_an_expired_certificate_fails_at_once(tmp_path: Path) -> None:
    time = Time()
    with encrypted(tmp_path, ends=datetime.now(UTC) - timedelta(minutes=1)) as impostor:
        result = error_of(lambda: Receiver(impostor.origin, clock=time, sleep=time.sleep).wait("x"), time)
    assert "certificate has expired" in result


def test_https_to_a_receiver_without_tls_fails_at_once(service: Service) -> None:
    time = Time()
    url = service.address.replace("http://", "https://")
    result = error_of(lambda: Receiver(url, clock=time, sleep=time.sleep).wait("x"), time)
    assert result == f"{url} can't be used: the server does not use TLS. " + (
        "Use http:// instead of https://, or another port."
    )


def alert(handler: Handler) -> None:
    handler.wfile.write(b"\x15\x03\x03\x00\x02\x02\x46")  # OpenSSL's response to plain text


def test_http_to_a_port_of_tls_fails_at_once(impostor: Impostor) -> None:
    time = Time()
    impostor.do = alert
    result = error_of(lambda: Receiver(impostor.origin, clock=time, sleep=time.sleep).wait("x"), time)
    assert "Use https:// instead of http://" in result


def test_a_stream_that_can_never_reconnect_ends(impostor: Impostor) -> None:
    first = b"retry: 10\nid: 1-0\nevent: reset\ndata: {}\n\n"
    impostor.do = lambda handler: handler.reply(first, **{"Content-Type": "text/event-stream"})
    with Receiver(impostor.origin).stream() as stream:
        assert next(stream).kind == "reset"
        impostor.do = alert
        with pytest.raises(MisconfiguredError):
            next(stream)
