"""When the key set fetches, who waits for it, and what it keeps."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from receiver.errors import KeysUnavailableError
from receiver.supervision import Supervisor
from receiver.trust.key_fetch import Fetch
from receiver.trust.key_set import KeySet, KeySetStatus, UnknownKeyError
from tests.support.key_provider import body, silence
from tests.support.tokens import jwk
from tests.support.waiting import until


def numbers(key):
    return key.public_numbers()


def test_a_key_is_fetched_when_it_is_first_asked_for(key_set, key):
    assert numbers(key_set.get("key-1")) == numbers(key.public_key())


def test_a_known_key_costs_no_further_fetch(key_set, peer):
    for _ in range(10):
        key_set.get("key-1")
    assert peer.requests == ["/metadata", "/keys"]


def test_starting_fetches_before_anybody_asks(key_set, peer):
    key_set.start()
    key_set.start()
    until(lambda: key_set.status().keys == 1)
    assert peer.fetches == 1


def test_the_keys_are_fetched_again_and_again_until_it_is_closed(make_key_set, peer, key, other_key):
    key_set = make_key_set(peer, period=0.02)
    key_set.start()
    until(lambda: key_set.status().keys == 1)
    peer.keys = [jwk(key), jwk(other_key, "key-2")]
    until(lambda: key_set.status().keys == 2)
    key_set.close()
    key_set._loop.thread.join(10)
    fetches = peer.fetches
    time.sleep(0.1)
    assert peer.fetches == fetches


def test_a_fresh_process_recovers_by_itself(make_key_set, peer):
    peer.behave(body(b"", 500))
    key_set = make_key_set(peer, period=0.02)
    key_set.start()
    until(lambda: peer.fetches > 2)
    peer.behave(None)
    until(lambda: key_set.status().keys == 1)


def test_a_new_key_is_found_at_once_though_the_keys_were_just_fetched(key_set, peer, other_key):
    key_set.get("key-1")
    peer.keys = [jwk(other_key, "key-2")]
    assert numbers(key_set.get("key-2")) == numbers(other_key.public_key())
    with pytest.raises(UnknownKeyError):
        key_set.get("key-1")


def test_a_withdrawn_key_is_unknown_for_certain(make_key_set, peer, key, other_key, clock):
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


def test_unknown_key_ids_cost_one_fetch_in_30_seconds(key_set, peer, clock):
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


def test_a_key_that_came_just_after_a_fetch_is_not_refused_for_good(key_set, peer, clock, other_key):
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


def test_of_many_unknown_key_ids_all_are_refused_for_good_by_the_next_fetch(key_set, peer, clock):
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


def test_few_key_ids_are_remembered(key_set, clock):
    key_set.get("key-1")
    for number in range(5000):
        clock.advance(0.001)
        with pytest.raises((KeysUnavailableError, UnknownKeyError)):
            key_set.get(f"unknown-{number}")
    assert len(key_set._seen) == 1000
    clock.advance(30)
    with pytest.raises(UnknownKeyError):
        key_set.get("unknown-0")


def test_a_key_id_that_comes_during_a_fetch_is_not_refused_for_good(key_set, peer, clock):
    peer.unblocked.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(key_set.get, "key-1")
        until(lambda: peer.requests)
        clock.advance(1)
        second = pool.submit(key_set.get, "key-2")
        until(lambda: "key-2" in key_set._seen)
        peer.unblocked.set()
        first.result()
        assert isinstance(second.exception(), KeysUnavailableError)
        assert second.exception().retry_after == 1


def test_failed_attempts_count_for_the_cool_down(key_set, peer, clock):
    key_set.get("key-1")
    clock.advance(1)
    peer.behave(body(b"", 500))
    for _ in range(100):
        with pytest.raises(KeysUnavailableError) as caught:
            key_set.get("unknown")
    assert caught.value.retry_after == 30
    assert peer.fetches == 2


def test_concurrent_callers_share_one_fetch(key_set, peer):
    peer.unblocked.clear()
    with ThreadPoolExecutor(20) as pool:
        keys = [pool.submit(key_set.get, "key-1") for _ in range(20)]
        until(lambda: peer.requests)
        peer.unblocked.set()
        assert len({id(key.result()) for key in keys}) == 1
    assert peer.fetches == 1


def test_known_keys_are_served_while_a_fetch_hangs(key_set, peer):
    key_set.get("key-1")
    peer.unblocked.clear()
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(key_set.get, "unknown")
        until(lambda: peer.fetches == 2)
        key_set.get("key-1")
        assert not flood.done()
        peer.unblocked.set()
        assert isinstance(flood.exception(), UnknownKeyError)


def test_a_caller_goes_on_with_the_keys_there_are_when_a_fetch_hangs(make_key_set, peer, clock):
    key_set = make_key_set(peer)
    key_set.get("key-1")
    clock.advance(1)
    key_set._patience = 0.05
    peer.behave(silence)
    with pytest.raises(KeysUnavailableError):
        key_set.get("unknown")
    key_set.get("key-1")


def test_a_provider_slower_than_a_caller_still_gets_its_keys_to_us(make_key_set, peer):
    peer.unblocked.clear()
    key_set = make_key_set(peer, patience=0.05)
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    peer.unblocked.set()
    until(lambda: key_set.status().keys == 1)
    key_set.get("key-1")
    assert peer.fetches == 1


def test_the_last_good_keys_stay_through_an_outage_of_a_year(key_set, peer, clock):
    key_set.get("key-1")
    peer.stop()
    for _ in range(3):
        clock.advance(365 * 24 * 3600 / 3)
        with pytest.raises(KeysUnavailableError):  # the token may be good: its key can't be looked up now
            key_set.get("unknown")
        key_set.get("key-1")
    assert key_set.status().age == 365 * 24 * 3600
    assert key_set.status().error


def test_without_keys_it_says_so_and_tries_at_most_once_a_second(key_set, peer, clock):
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


def test_it_recovers_when_the_provider_is_back(key_set, peer, clock):
    peer.stop()
    with pytest.raises(KeysUnavailableError):
        key_set.get("key-1")
    peer.start()
    clock.advance(1.1)
    key_set.get("key-1")
    assert key_set.status() == KeySetStatus(1, 0.0, None)


def test_an_attempt_that_can_not_be_cut_off_is_given_up(make_key_set, peer, clock):
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


def test_the_status_tells_number_age_and_error(key_set, peer, clock):
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


def test_changes_and_failures_are_logged_once_each(key_set, peer, clock, caplog):
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
            "the last good ones stay in use",
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
def test_only_https_or_loopback_is_accepted(url):
    with pytest.raises(ValueError, match="https"):
        KeySet(url)


@pytest.mark.parametrize("url", ["https://example.com/m", "http://localhost:1/m", "http://[::1]:1/m"])
def test_making_a_key_set_fetches_nothing(url):
    before = threading.active_count()
    assert KeySet(url).status() == KeySetStatus(0, None, None)
    assert threading.active_count() <= before


def test_unexpected_error_of_a_fetch_is_reported_and_fetched_again(make_key_set, peer, monkeypatch):
    right_fetch, calls = Fetch.fetch, []

    def fetch(attempt):
        calls.append(attempt)
        if len(calls) == 1:
            raise KeyError("made by a test")
        return right_fetch(attempt)

    monkeypatch.setattr(Fetch, "fetch", fetch)
    failed = []
    key_set = make_key_set(peer, supervisor=Supervisor(failed.append, sleep=lambda _: None))
    key_set.start()
    until(lambda: key_set.status().keys == 1)
    assert failed == ["signing-keys"]
    assert key_set.status().error is None
