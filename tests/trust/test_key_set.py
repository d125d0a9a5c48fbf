"""The key set: when it fetches, which callers wait for it, and what it keeps."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, RSAPublicNumbers

from receiver.errors import KeysUnavailableError
from receiver.supervision import Supervisor
from receiver.trust.key_fetch import KeyFetch
from receiver.trust.key_set import KeySet, KeySetStatus, UnknownKeyError
from tests.support.key_provider import Peer, body, silence
from tests.support.tokens import Clock, jwk
from tests.support.waiting import until
from tests.trust.fixture_types import MakeKeySet


def numbers(key: RSAPublicKey) -> RSAPublicNumbers:
    return key.public_numbers()


def test_unfetched_key_is_fetched_on_get(key_set: KeySet, key: RSAPrivateKey) -> None:
    assert numbers(key_set.get("key-1")) == numbers(key.public_key())


def test_known_key_is_not_fetched_again(key_set: KeySet, peer: Peer) -> None:
    for _ in range(10):
        key_set.get("key-1")
    assert peer.requests == ["/metadata", "/keys"]


def test_start_fetches_before_the_first_get(key_set: KeySet, peer: Peer) -> None:
    key_set.start()
    key_set.start()
    until(lambda: key_set.status().keys == 1)
    assert peer.fetches == 1


def test_keys_are_fetched_periodically_until_close(
    make_key_set: MakeKeySet, peer: Peer, key: RSAPrivateKey, other_key: RSAPrivateKey
) -> None:
    key_set = make_key_set(peer, period=0.02)
    key_set.start()
    until(lambda: key_set.status().keys == 1)
    peer.keys = [jwk(key), jwk(other_key, "key-2")]
    until(lambda: key_set.status().keys == 2)
    key_set.close()
    assert key_set._loop
    assert key_set._loop.thread
    key_set._loop.thread.join(10)
    fetches = peer.fetches
    time.sleep(0.1)
    assert peer.fetches == fetches


def test_loop_without_keys_fetches_until_it_succeeds(make_key_set: MakeKeySet, peer: Peer) -> None:
    peer.behave(body(b"", 500))
    key_set = make_key_set(peer, period=0.02)
    key_set.start()
    until(lambda: peer.fetches > 2)
    peer.behave(None)
    until(lambda: key_set.status().keys == 1)


def test_new_key_is_found_right_after_a_fetch(key_set: KeySet, peer: Peer, other_key: RSAPrivateKey) -> None:
    key_set.get("key-1")
    peer.keys = [jwk(other_key, "key-2")]
    assert numbers(key_set.get("key-2")) == numbers(other_key.public_key())
    with pytest.raises(UnknownKeyError):
        key_set.get("key-1")


def test_withdrawn_key_is_unknown(
    make_key_set: MakeKeySet, peer: Peer, key: RSAPrivateKey, other_key: RSAPrivateKey, clock: Clock
) -> None:
    key_set = make_key_set(peer)
    peer.keys = [jwk(key), jwk(other_key, "key-2")]
    kept = key_set.get("key-2")
    clock.advance(40)
    peer.keys = [jwk(other_key, "key-2"), jwk(key, "key-3")]
    key_set.get("key-3")
    with pytest.raises(UnknownKeyError):
        key_set.get("key-1")
    assert key_set.holds("key-2", kept)
    assert not key_set.holds("key-1", kept)


def test_unknown_key_ids_cause_one_fetch_in_30_seconds(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    key_set.get("key-1")
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown")
    clock.advance(0.1)
    for number in range(1000):
        with pytest.raises(KeysUnavailableError):
            key_set.get(f"unknown-{number}")
    assert peer.fetches == 2
    clock.advance(29.8)
    with pytest.raises(KeysUnavailableError):
        key_set.get("another")
    assert peer.fetches == 2
    clock.advance(0.2)
    with pytest.raises(UnknownKeyError):
        key_set.get("another")
    assert peer.fetches == 3


def test_key_published_after_a_fetch_is_unavailable_then_found(
    key_set: KeySet, peer: Peer, clock: Clock, other_key: RSAPrivateKey
) -> None:
    key_set.get("key-1")
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown")
    clock.advance(10)
    peer.keys = [jwk(other_key, "key-2")]
    with pytest.raises(KeysUnavailableError) as caught:
        key_set.get("key-2")
    assert caught.value.retry_after == 20
    clock.advance(caught.value.retry_after)
    assert numbers(key_set.get("key-2")) == numbers(other_key.public_key())


def test_next_fetch_settles_all_unknown_key_ids(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    key_set.get("key-1")
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown-0")
    clock.advance(1)
    for number in range(1, 100):
        with pytest.raises(KeysUnavailableError):
            key_set.get(f"unknown-{number}")
    clock.advance(29)
    for number in range(100):
        with pytest.raises(UnknownKeyError):
            key_set.get(f"unknown-{number}")
        clock.advance(0.1)
    assert peer.fetches == 3


def test_unknown_key_ids_recorded_are_bounded(key_set: KeySet, clock: Clock) -> None:
    key_set.get("key-1")
    for number in range(5000):
        clock.advance(0.001)
        with pytest.raises((KeysUnavailableError, UnknownKeyError)):
            key_set.get(f"unknown-{number}")
    assert len(key_set._seen) == 1000
    clock.advance(30)
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown-0")


def test_key_id_first_seen_during_a_fetch_is_unavailable(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    peer.unblocked.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(key_set.get, "key-1")
        until(lambda: peer.requests)
        clock.advance(1)
        second = pool.submit(key_set.get, "key-2")
        until(lambda: "key-2" in key_set._seen)
        peer.unblocked.set()
        first.result()
        error = second.exception()
        assert isinstance(error, KeysUnavailableError)
        assert error.retry_after == 1


def test_failed_fetch_counts_for_the_cool_down(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    key_set.get("key-1")
    clock.advance(1)
    peer.behave(body(b"", 500))
    for _ in range(100):
        with pytest.raises(KeysUnavailableError) as caught:
            key_set.get("unknown")
    assert caught.value.retry_after == 30
    assert peer.fetches == 2


def test_concurrent_gets_share_one_fetch(key_set: KeySet, peer: Peer) -> None:
    peer.unblocked.clear()
    with ThreadPoolExecutor(20) as pool:
        keys = [pool.submit(key_set.get, "key-1") for _ in range(20)]
        until(lambda: peer.requests)
        peer.unblocked.set()
        assert len({id(key.result()) for key in keys}) == 1
    assert peer.fetches == 1


def test_known_key_is_returned_while_a_fetch_hangs(key_set: KeySet, peer: Peer) -> None:
    key_set.get("key-1")
    peer.unblocked.clear()
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(key_set.get, "unknown")
        until(lambda: peer.fetches == 2)
        key_set.get("key-1")
        assert not flood.done()
        peer.unblocked.set()
        assert isinstance(flood.exception(), UnknownKeyError)


def test_get_stops_waiting_when_a_fetch_hangs(make_key_set: MakeKeySet, peer: Peer, clock: Clock) -> None:
    key_set = make_key_set(peer)
    key_set.get("key-1")
    clock.advance(1)
    key_set._patience = 0.05
    peer.behave(silence)
    with pytest.raises(KeysUnavailableError):
        key_set.get("unknown")
    key_set.get("key-1")


def test_fetch_slower_than_a_get_still_completes(make_key_set: MakeKeySet, peer: Peer) -> None:
    peer.unblocked.clear()
    key_set = make_key_set(peer, patience=0.05)
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    peer.unblocked.set()
    until(lambda: key_set.status().keys == 1)
    key_set.get("key-1")
    assert peer.fetches == 1


def test_last_keys_stay_through_an_outage_of_a_year(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    key_set.get("key-1")
    peer.stop()
    for _ in range(3):
        clock.advance(365 * 24 * 3600 / 3)
        with pytest.raises(KeysUnavailableError):  # the token may be valid: its key can't be looked up now
            key_set.get("unknown")
        key_set.get("key-1")
    assert key_set.status().age == 365 * 24 * 3600
    assert key_set.status().error


def test_get_without_keys_fetches_at_most_once_a_second(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    peer.behave(body(b"", 503))
    for _ in range(10):
        with pytest.raises(KeysUnavailableError) as caught:
            key_set.get("key-1")
    assert caught.value.status == 503
    assert caught.value.retry_after
    assert peer.fetches == 1
    clock.advance(1.1)
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    assert peer.fetches == 2


def test_get_succeeds_when_the_provider_is_back(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    peer.stop()
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    peer.start()
    clock.advance(1.1)
    key_set.get("key-1")
    assert key_set.status() == KeySetStatus(1, 0.0, None)


def test_fetch_that_cannot_be_cut_off_is_abandoned(
    make_key_set: MakeKeySet, peer: Peer, clock: Clock
) -> None:
    peer.behave(silence)
    key_set = make_key_set(peer, patience=0.05, time_limit=60)
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    peer.behave(None)
    clock.advance(19)
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    clock.advance(2)
    key_set._patience = 10.0
    key_set.get("key-1")


def test_status_has_number_age_and_error(key_set: KeySet, peer: Peer, clock: Clock) -> None:
    assert key_set.status() == KeySetStatus(0, None, None)
    key_set.get("key-1")
    clock.advance(40)
    assert key_set.status() == KeySetStatus(1, 40.0, None)
    peer.behave(body(b"", 500))
    with pytest.raises(KeysUnavailableError):
        key_set.get("unknown")
    assert key_set.status() == KeySetStatus(1, 40.0, "the provider answered with status 500")
    peer.behave(None)
    clock.advance(30)
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown")
    assert key_set.status() == KeySetStatus(1, 0.0, None)


def test_changes_and_failures_are_logged_once_each(
    key_set: KeySet, peer: Peer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "receiver.trust.key_set")
    key_set.get("key-1")
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown")
    peer.behave(body(b"", 500))
    clock.advance(30)
    with pytest.raises(KeysUnavailableError):
        key_set.get("another")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "The signing keys changed: 1 keys, 1 new, 0 gone"),
        (
            "WARNING",
            "The signing keys could not be fetched (the provider answered with status 500); "
            "the last ones stay in use",
        ),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.com/m",
        "ftp://127.0.0.1/m",
        "file:///etc/passwd",
        "https:///m",
        "http://127.0.0.1.example/",
    ],
)
def test_plain_http_beyond_loopback_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        KeySet(url)


@pytest.mark.parametrize("url", ["https://example.com/m", "http://localhost:1/m", "http://[::1]:1/m"])
def test_constructor_fetches_nothing(url: str) -> None:
    before = threading.active_count()
    assert KeySet(url).status() == KeySetStatus(0, None, None)
    assert threading.active_count() <= before


def test_unexpected_fetch_error_is_counted_and_retried(
    make_key_set: MakeKeySet, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_keys = KeyFetch.fetch
    calls: list[KeyFetch] = []

    def fetch(attempt: KeyFetch) -> dict[str, RSAPublicKey]:
        calls.append(attempt)
        if len(calls) == 1:
            raise KeyError("made by a test")
        return fetch_keys(attempt)

    monkeypatch.setattr(KeyFetch, "fetch", fetch)
    failed: list[str] = []
    key_set = make_key_set(peer, supervisor=Supervisor(failed.append, sleep=lambda _: None))
    key_set.start()
    until(lambda: key_set.status().keys == 1)
    assert failed == ["signing-keys"]
    assert key_set.status().error is None
