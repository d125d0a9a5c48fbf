"""API keys: entries, scopes, and comparison in constant time."""

import hashlib

import pytest

from receiver.errors import InsufficientScopeError, InvalidAPIKeyError, NotConfiguredError
from receiver.trust.api_keys import APIKey, APIKeyRing
from tests.trust.fixture_types import Comparisons

HASH = hashlib.sha256(b"key").hexdigest()


def ring(*entries: str) -> APIKeyRing:
    return APIKeyRing(APIKey.parse(entry) for entry in entries)


def test_entry_is_parsed_and_written() -> None:
    key = APIKey.parse(f" billing:write+read:{HASH.upper()} ")
    assert key == APIKey("billing", frozenset({"read", "write"}), HASH)
    assert key.entry == f"billing:read+write:{HASH}"


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ("", "name:scope"),
        ("billing", "name:scope"),
        (f"billing::{HASH}", "name:scope"),
        (f":read:{HASH}", "name:scope"),
        (f"billing:read:{HASH}:more", "name:scope"),
        (f"billing:admin:{HASH}", "scopes are"),
        (f"billing:read+:{HASH}", "scopes are"),
        (f"billing:read:{HASH[1:]}", "64 hex digits"),
        (f"billing:read:g{HASH[1:]}", "64 hex digits"),
    ],
)
def test_invalid_entry_is_rejected_without_its_hash(entry: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        APIKey.parse(entry)
    assert HASH[1:] not in str(caught.value)


def test_generated_key_is_accepted_and_not_in_its_entry() -> None:
    secret, key = APIKey.generate("app", ["read"])
    assert APIKeyRing([key]).authorize(f"Bearer {secret}", "read") is key
    assert secret not in key.entry
    assert APIKey.parse(key.entry) == key


def test_generated_keys_differ() -> None:
    assert APIKey.generate("app", ["read"])[0] != APIKey.generate("app", ["read"])[0]


@pytest.mark.parametrize("authorization", ["Bearer key", "bearer key", "BEARER  key "])
def test_known_key_is_found_among_several(authorization: str | None) -> None:
    keys = ring(f"old:read:{'0' * 64}", f"new:read:{HASH}", f"other:read:{'1' * 64}")
    assert keys.authorize(authorization, "read").name == "new"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic key", "key", "Bearer other", "Bearer \udcff", "Bearer é"],
)
def test_missing_or_unknown_key_is_refused(authorization: str | None) -> None:
    with pytest.raises(InvalidAPIKeyError) as caught:
        ring(f"app:read:{HASH}").authorize(authorization, "read")
    assert "other" not in caught.value.detail


def test_key_without_the_scope_is_refused() -> None:
    with pytest.raises(InsufficientScopeError, match="secrets"):
        ring(f"app:read+write:{HASH}").authorize("Bearer key", "secrets")


def test_ring_without_keys_names_the_setting() -> None:
    with pytest.raises(NotConfiguredError, match="RECEIVER_API_KEYS"):
        ring().authorize("Bearer key", "read")


def test_every_key_is_compared_in_constant_time(comparisons: Comparisons) -> None:
    other = "0" * 64
    keys = ring(f"app:read:{HASH}", f"other:read:{other}")
    compared = comparisons(alike=False)
    with pytest.raises(InvalidAPIKeyError):
        keys.authorize("Bearer key", "read")
    assert compared == [(HASH, HASH), (other, HASH)]
    compared = comparisons(alike=True)
    keys.authorize("Bearer key", "read")
    assert compared == [(HASH, HASH), (other, HASH)]
