"""The host of a request must be unambiguous (RFC 9112, section 3.2)."""

import pytest

from tests.support.service import Service
from tests.web.raw import exchange


def get(service: Service, *hosts: bytes, version: bytes = b"HTTP/1.1") -> tuple[int, str]:
    lines = b"".join(b"Host: %s\r\n" % host for host in hosts)
    answer = exchange(service, b"GET /livez %s\r\n%sConnection: close\r\n\r\n" % (version, lines))
    return answer.status, "" if answer.status == 200 else answer.problem


GOOD = [
    b"receiver.example",
    b"receiver.example:8000",
    b"receiver.example:",
    b"127.0.0.1:8000",
    b"[::1]",
    b"[::ffff:127.0.0.1]:8000",
    b"under_score.example",
    b"a%20b",
    b"",
]
BAD = [
    b"a b/../@c",
    b"a b",
    b"a/b",
    b"user@receiver.example",
    b"a, b",
    b"a:b",
    b"a:80:80",
    b"[::1",
    b"::1",
    b"[::1]x",
    b"a%2",
    b"a?b",
    b"a#b",
    b'"a"',
    b"<a>",
    b"\xe4.example",
    b"a\\b",
]


@pytest.mark.parametrize("host", GOOD)
def test_single_host_is_accepted(service: Service, host: bytes) -> None:
    assert get(service, host) == (200, "")


@pytest.mark.parametrize("host", BAD)
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_invalid_host_is_rejected(service: Service, host: bytes, version: bytes) -> None:
    assert get(service, host, version=version) == (400, "invalid-request")


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_two_hosts_are_rejected_even_if_equal(service: Service, version: bytes) -> None:
    for second in (b"a", b"b", b""):
        assert get(service, b"a", second, version=version) == (400, "invalid-request")


def test_missing_host_is_accepted_in_http_1_0_only(service: Service) -> None:
    assert get(service) == (400, "invalid-request")
    assert get(service, version=b"HTTP/1.0") == (200, "")


def test_request_after_one_without_host_is_not_served(service: Service) -> None:
    answer = exchange(service, b"GET /livez HTTP/1.1\r\n\r\n" + b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (answer.status, answer.problem, answer.answers) == (400, "invalid-request", 1)
    assert answer.headers["Connection"] == "close"
