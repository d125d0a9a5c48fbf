"""API keys in the environment."""

import hashlib

import pytest

from receiver.settings.configuration import read_settings
from receiver.trust.api_keys import APIKey
from tests.support.expected_settings import HASH


def test_api_keys_are_read(env: pytest.MonkeyPatch) -> None:
    env.setenv("RECEIVER_API_KEYS", f"app:read:{HASH}, ops:read+write+secrets:{HASH.upper()},")
    assert read_settings().api_keys == (
        APIKey("app", frozenset({"read"}), HASH),
        APIKey("ops", frozenset({"read", "write", "secrets"}), HASH),
    )


def test_a_generated_key_can_be_set(env: pytest.MonkeyPatch) -> None:
    _, key = APIKey.generate("app", ["read", "write"])
    env.setenv("RECEIVER_API_KEYS", key.entry)
    assert read_settings().api_keys == (key,)


def test_a_generated_key_has_read_and_write(env: pytest.MonkeyPatch) -> None:
    """Heroku makes 64 hex digits, Render 32 bytes in base64."""
    keys = ("0123456789abcdef" * 4, "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRW+/=")
    env.setenv("RECEIVER_API_KEYS", f"app:read:{HASH}")
    env.setenv("RECEIVER_GENERATED_KEY", ", ".join(keys))
    first, *generated = read_settings().api_keys
    assert first.name == "app"
    assert [key.sha256 for key in generated] == [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    assert {(key.name, key.scopes) for key in generated} == {("generated", frozenset({"read", "write"}))}
