"""Signing in: the session's cookie, the limit of attempts, and trust in `X-Forwarded-*`."""

import re
import secrets
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from receiver.errors import TooManyAttemptsError
from receiver.simulator.issuer import Issuer
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from receiver.web.auth.sign_in_limit import MAX_ATTEMPTS, MAX_ATTEMPTS_OF_ALL, SignInLimit
from tests.support.notifications import operation
from tests.support.service import READ, Answer, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer

PLAIN = "receiver_session"
SECURE = f"__Host-{PLAIN}"
HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def running_behind_two(
    store_server: StoreServer, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    running = Service(
        tmp_path_factory.mktemp("two"),
        store_server.url,
        issuer,
        RECEIVER_TRUSTED_PROXIES="2",
        FORWARDED_ALLOW_IPS="*",  # set by some platforms for gunicorn, and ignored here
    )
    running.start()
    yield running
    running.kill()


@pytest.fixture
def behind_two(running_behind_two: Service, store: StoreServer) -> Service:
    """A receiver with two workers behind two proxies, one behind the other."""
    return running_behind_two


def sign_in(service: Service, key: str = READ, **headers: str) -> Answer:
    return service.request(
        "POST",
        "/sign-in",
        key=None,
        body=urlencode({"key": key, "then": "/"}).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )


def cookie_of(answer: Answer) -> tuple[str, str, set[str]]:
    """The cookie's name and value, and its flags."""
    first = answer.headers["Set-Cookie"].partition(", __Host-receiver_browser")[0]
    pair, *flags = first.partition(", receiver_browser")[0].split("; ")
    name, _, value = pair.partition("=")
    return name, value, {flag for flag in flags if not flag.startswith("Expires")}


def cookies_of(answer: Answer) -> dict[str, str]:
    """The cookies that an answer sets, by name."""
    return dict(re.findall(r"(?:^|, )((?:__Host-)?receiver_\w+)=([\w-]*)", answer.headers["Set-Cookie"]))


# The cookie


def test_malformed_session_id_is_not_a_session(service: Service, store: StoreServer) -> None:
    _, value, _ = cookie_of(sign_in(service))
    [name] = store.client.keys("receiver:{0}:session:*")
    for odd in (b"\xff\xfe", b"", b"odd"):
        store.client.set(name, odd)
        assert service.get("/operations", key=None, headers={"Cookie": f"{PLAIN}={value}"}).status == 401


def test_cookie_over_http_is_for_this_host_without_scripts(service: Service) -> None:
    name, value, flags = cookie_of(sign_in(service))
    assert name == PLAIN
    assert flags == {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"}
    assert len(value) == 43
    assert service.get("/operations", key=None, headers={"Cookie": f"{PLAIN}={value}"}).status == 200


def test_cookie_over_https_has_the_host_prefix(behind_two: Service) -> None:
    answer = sign_in(behind_two, **{"X-Forwarded-Proto": "https"})
    name, value, flags = cookie_of(answer)
    assert name == SECURE
    assert flags == {"Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"}
    for sent, status in ((SECURE, 200), (PLAIN, 401)):
        headers = {"Cookie": f"{sent}={value}", **HTTPS}
        assert behind_two.get("/operations", key=None, headers=headers).status == status
    gone = behind_two.request("POST", "/sign-out", key=None, headers={"Cookie": f"{SECURE}={value}", **HTTPS})
    name, value, flags = cookie_of(gone)
    assert (name, value) == (SECURE, "")
    assert {"Secure", "HttpOnly", "Path=/", "Max-Age=0"} <= flags


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "a" * 4000, "\xff" * 43, "../" * 14 + "a"])
def test_invented_cookie_authorizes_nothing(service: Service, value: str) -> None:
    refused = service.get("/operations", key=None, headers={"Cookie": f"{PLAIN}={value}"})
    assert (refused.status, refused.problem) == (401, "invalid-api-key")


# Proxies


def test_forwarded_scheme_is_ignored_by_default(service: Service) -> None:
    for header in ("X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Ssl", "Forwarded", "X-Scheme"):
        value = {"X-Forwarded-Ssl": "on", "Forwarded": "proto=https"}.get(header, "https")
        answer = sign_in(service, **{header: value})
        assert cookie_of(answer)[0] == PLAIN, header
        assert "Strict-Transport-Security" not in answer.headers


def test_https_by_a_trusted_proxy_gets_hsts(behind_two: Service) -> None:
    for sent in (HTTPS, {"X-Forwarded-Proto": "http, https"}):
        assert (
            behind_two.get("/livez", headers=sent).headers["Strict-Transport-Security"] == "max-age=31536000"
        )
    for sent in ({}, {"X-Forwarded-Proto": "https, http"}, {"X-Forwarded-Ssl": "on"}):
        assert "Strict-Transport-Security" not in behind_two.get("/livez", headers=sent).headers


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "PATH_INFO", "X-Script-Name", "X-Forwarded-Prefix"])
def test_forwarded_prefix_is_ignored(service: Service, behind_two: Service, name: str) -> None:
    for receiver in (service, behind_two):
        for value in ("/operations", "/elsewhere"):
            assert receiver.get("/operations/unknown", headers={name: value}).status == 404
            assert receiver.get("/livez", headers={name: value}).json == {"status": "alive"}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1:1"])
def test_forwarded_host_is_ignored(service: Service, behind_two: Service, host: str) -> None:
    service.call_back(*(operation(cc=f"cc-{n}", op="") for n in range(3)))
    for receiver in (service, behind_two):
        sent = {"Host": host, "X-Forwarded-Host": host}
        assert host not in receiver.get("/operations?limit=1", headers=sent).headers["Link"]
        assert sign_in(receiver, **sent).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("origin", "forwarded"),
    [
        ("evil.example", {"X-Forwarded-Host": "evil.example"}),
        ("evil.example:8000", {"X-Forwarded-Host": "evil.example:8000"}),
        ("127.0.0.1:1", {"X-Forwarded-Port": "1"}),
        ("evil.example", {"Forwarded": "host=evil.example"}),
        ("evil.example", {"X-Original-Host": "evil.example", "X-Host": "evil.example"}),
    ],
)
def test_page_of_another_site_is_rejected_with_any_header(
    service: Service, behind_two: Service, origin: str, forwarded: dict[str, str]
) -> None:
    for receiver in (service, behind_two):
        for scheme in ("http", "https"):
            assert sign_in(receiver, Origin=f"{scheme}://{origin}", **forwarded).status == 403
        ours = receiver.address.removeprefix("http://")
        assert sign_in(receiver, Origin=f"https://{ours}", **forwarded).status == 303


# Attempts


def test_too_many_attempts_have_to_wait(service: Service) -> None:
    answers = [sign_in(service, "wrong") for _ in range(2 * MAX_ATTEMPTS + 1)]  # a new minute may begin once
    refused = answers[-1]
    assert {answer.status for answer in answers} == {401, 429}
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert (
        f"Too many attempts to sign in. Wait {refused.headers['Retry-After']} seconds"
        in refused.body.decode()
    )
    assert "API key" in refused.body.decode(), "the form is there for the next try"
    assert service.get("/operations").status == 200, "a client with a key needs no form"


def test_invented_address_is_not_a_new_client(service: Service, behind_two: Service) -> None:
    for n in range(2 * MAX_ATTEMPTS + 1):
        last = sign_in(service, "wrong", X_Forwarded_For=f"192.0.2.{n}")
    assert last.status == 429
    for n in range(2 * MAX_ATTEMPTS + 1):
        last = sign_in(behind_two, "wrong", X_Forwarded_For=f"192.0.2.{n}, 198.51.100.1, 203.0.113.1")
    assert last.status == 429
    other = sign_in(behind_two, X_Forwarded_For="192.0.2.1, 198.51.100.2, 203.0.113.1")
    assert other.status == 303, "another client, by the address that the trusted proxy adds"


@pytest.fixture
def sign_in_limit(store: StoreServer) -> SignInLimit:
    now = time.time()  # stands still
    return SignInLimit(StoreClient(connect(store.url, "required")), clock=lambda: now, within=lambda: 2.0)


def refused(sign_in_limit: SignInLimit, address: str | None, browser: str = "") -> bool:
    try:
        sign_in_limit.count(address, browser)
    except TooManyAttemptsError:
        return True
    return False


def test_all_addresses_together_have_a_hundred_attempts(sign_in_limit: SignInLimit) -> None:
    attackers = [f"2001:db8:{n:x}::1" for n in range(3 * MAX_ATTEMPTS_OF_ALL)]
    assert sum(not refused(sign_in_limit, address) for address in attackers) == MAX_ATTEMPTS_OF_ALL
    assert refused(sign_in_limit, "192.0.2.1")


def test_all_attempts_are_counted_across_processes(store: StoreServer) -> None:
    now = time.time()
    workers = [
        SignInLimit(StoreClient(connect(store.url, "required")), clock=lambda: now, within=lambda: 2.0)
        for _ in range(3)
    ]
    addresses = [f"2001:db8:{n:x}::1" for n in range(3 * MAX_ATTEMPTS_OF_ALL)]
    taken = sum(not refused(workers[n % 3], address) for n, address in enumerate(addresses))
    assert taken == MAX_ATTEMPTS_OF_ALL


def test_browser_that_has_signed_in_is_not_locked_out(sign_in_limit: SignInLimit) -> None:
    browser = sign_in_limit.remember()
    while not refused(sign_in_limit, f"192.0.2.{secrets.randbelow(256)}"):
        pass
    for n in range(300):
        refused(sign_in_limit, f"198.51.100.{n}")
    assert (
        sum(not refused(sign_in_limit, "192.0.2.1", browser) for _ in range(2 * MAX_ATTEMPTS)) == MAX_ATTEMPTS
    )


@pytest.mark.parametrize("browser", ["", "x", "a" * 43, "a" * 4000, "\xff" * 43])
def test_invented_browser_has_no_attempts_of_its_own(sign_in_limit: SignInLimit, browser: str) -> None:
    assert sum(not refused(sign_in_limit, "192.0.2.1", browser) for _ in range(20)) == MAX_ATTEMPTS


def test_after_too_many_the_store_is_not_asked_again(sign_in_limit: SignInLimit, store: StoreServer) -> None:
    addresses = [f"2001:db8:{n:x}::1" for n in range(3 * MAX_ATTEMPTS_OF_ALL)]
    for address in addresses:
        refused(sign_in_limit, address)
    assert len(store.client.keys()) == MAX_ATTEMPTS_OF_ALL + 2


def test_browser_stores_that_it_has_signed_in(service: Service) -> None:
    first = cookies_of(sign_in(service))
    assert set(first) == {PLAIN, "receiver_browser"}
    again = cookies_of(sign_in(service, Cookie=f"receiver_browser={first['receiver_browser']}"))
    assert set(again) == {PLAIN}, "it has one"
    other = cookies_of(sign_in(service, Cookie=f"receiver_browser={'a' * 43}"))
    assert set(other) == {PLAIN, "receiver_browser"}


def test_others_use_up_all_attempts_but_not_those_of_a_browser(start: Start) -> None:
    """And an API key is never counted."""
    behind_two = start(RECEIVER_TRUSTED_PROXIES="2")
    known = cookies_of(sign_in(behind_two, **HTTPS))["__Host-receiver_browser"]
    for n in range(MAX_ATTEMPTS_OF_ALL + 5):
        last = sign_in(behind_two, "wrong", X_Forwarded_For=f"198.51.{n}.1, 203.0.113.1")
    if last.status != 429:
        pytest.skip("the minute turned")
    assert sign_in(behind_two, X_Forwarded_For="192.0.2.77, 203.0.113.1").status == 429
    cookie = {"Cookie": f"__Host-receiver_browser={known}", **HTTPS}
    assert sign_in(behind_two, X_Forwarded_For="192.0.2.77, 203.0.113.1", **cookie).status == 303
    assert behind_two.get("/operations").status == 200


def test_one_client_does_not_use_up_the_common_limit(sign_in_limit: SignInLimit) -> None:
    assert (
        sum(not refused(sign_in_limit, "192.0.2.1") for _ in range(2 * MAX_ATTEMPTS_OF_ALL)) == MAX_ATTEMPTS
    )
    assert not any(refused(sign_in_limit, "192.0.2.2") for _ in range(MAX_ATTEMPTS))


def test_ipv6_network_counts_as_one_client(sign_in_limit: SignInLimit) -> None:
    assert sum(not refused(sign_in_limit, f"2001:db8::{n:x}") for n in range(20)) == MAX_ATTEMPTS


def test_ipv4_client_is_the_same_on_a_dual_stack_socket(sign_in_limit: SignInLimit) -> None:
    assert sum(not refused(sign_in_limit, "::ffff:192.0.2.1") for _ in range(20)) == MAX_ATTEMPTS
    assert refused(sign_in_limit, "192.0.2.1")
    assert not refused(sign_in_limit, "::ffff:192.0.2.2")


@pytest.mark.parametrize("address", [None, "", "unknown", "a" * 1000, "\xff", "::1%eth0"])
def test_attempt_without_a_valid_address_is_counted(sign_in_limit: SignInLimit, address: str | None) -> None:
    assert sum(not refused(sign_in_limit, address) for _ in range(20)) == MAX_ATTEMPTS


def test_new_minute_starts_at_zero_and_keys_expire(store: StoreServer) -> None:
    now = 1_800_000_000.0
    sign_in_limit = SignInLimit(
        StoreClient(connect(store.url, "required")), clock=lambda: now, within=lambda: 2.0
    )
    assert [refused(sign_in_limit, "192.0.2.1") for _ in range(12)] == [False] * 10 + [True] * 2
    now += 60
    assert not refused(sign_in_limit, "192.0.2.1")
    keys = list(store.client.scan_iter())
    assert len(keys) == 4
    assert all(0 < store.client.ttl(key) <= 120 for key in keys)
    assert not [key for key in keys if b"192" in key]
