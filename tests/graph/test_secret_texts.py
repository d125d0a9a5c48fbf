"""Secrets within texts are hidden in every form, in linear time."""

import json
import time

import pytest

from receiver.graph.json_codec import dump
from receiver.graph.privacy import without_secrets

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJl"


def shown(text: str, name: str = "message") -> str:
    """Return what is shown of a text in a deeply nested member."""
    cleaned = without_secrets(dump({"a": [{name: text}]}))
    assert without_secrets(cleaned) == cleaned
    return str(json.loads(cleaned)["a"][0][name])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param(f"see {JWT} there", "see [redacted] there", id="a JWT"),
        pytest.param(f"x-{JWT}", "x-[redacted]", id="a JWT behind other letters"),
        pytest.param(f"{JWT}.e.f", "[redacted]", id="an encrypted JWT"),
        pytest.param("Bearer abc-1", "Bearer [redacted]", id="bearer"),
        pytest.param("bearer+abc%2E1 failed", "bearer+[redacted] failed", id="bearer in a form"),
        pytest.param(
            "Authorization: Basic YTpi\nHost: x", "Authorization: [redacted]\nHost: x", id="a header line"
        ),
        pytest.param("Passcode: Ab1 and on", "Passcode: [redacted] and on", id="an invitation's passcode"),
        pytest.param("PIN: 123 456 789#", "PIN: [redacted]#", id="digits in groups"),
        pytest.param("{'pin': 1234, 'b': 1}", "{'pin': [redacted] 'b': 1}", id="a Python dict"),
        pytest.param("apiKey : abc", "apiKey : [redacted]", id="a space before the colon"),
        pytest.param("client_secret=a%3Db&x=1", "client_secret=[redacted]&x=1", id="a form"),
        pytest.param("https://x/?p=1&anon=true", "https://x/?p=[redacted]&anon=true", id="a join address"),
        pytest.param("https://x/?x=1&SIG=a/b#c", "https://x/?x=1&SIG=[redacted]#c", id="a signed address"),
        pytest.param("https://x/#access_token=a", "https://x/#access_token=[redacted]", id="a fragment"),
        pytest.param("https://x/?c%6Fde=a", "https://x/?c%6Fde=[redacted]", id="an encoded name"),
        pytest.param(
            "go https%3A%2F%2Fx%3Ftoken%3Dab%26x%3D1",
            "go https%3A%2F%2Fx%3Ftoken%3D[redacted]%26x%3D1",
            id="an address within an address",
        ),
        pytest.param("https://u:p@x/a", "https://[redacted]@x/a", id="a password before a host"),
        pytest.param('{"accessToken":"a","b":1}', '{"b":1}', id="JSON"),
        pytest.param(' [{"b": {"fooToken": {"c": 1}}}]', '[{"b":{}}]', id="JSON with spaces"),
        pytest.param('{"\\u0074oken":"a"}', "{}", id="JSON with an escaped name"),
        pytest.param(json.dumps('{"token":"a"}'), '"{}"', id="JSON in JSON"),
        pytest.param(json.dumps({"a": '{"pin":1}'}), '{"a":"{}"}', id="JSON in a member of JSON"),
        pytest.param(f'{{"a":"{JWT}","a":1}}', '{"a":1}', id="a member that stands twice"),
        pytest.param('failed: {"token": "a", "b": 1', 'failed: {"token": [redacted], "b": 1', id="cut JSON"),
        pytest.param('x {\\"token\\":\\"a\\",', 'x {\\"token\\":[redacted],', id="cut JSON, escaped"),
    ],
)
def test_secret_within_a_text_is_hidden(text: str, left: str) -> None:
    assert shown(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "Call failed with code: 408, subcode=10057",
        "the spin=3 of a monkey: 4",
        "https://x/a?b=1&codec=2#d",
        '{"b": 1,  "tokenType": "x"}',
        "[not JSON",
        "eyJ.short",
        "19:meeting_ab@thread.v2",
        "a\\b",
        "",
    ],
)
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize("name", ["callbackUri", "CallbackUri", "botCallbackUrl", "notificationUrl"])
@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://bot.test/cb?a=1&b", "https://bot.test/cb?[redacted]"),
        ("https://u:p@bot.test/cb#f?a", "https://[redacted]@bot.test/cb#[redacted]"),
        ("bot.test/cb?a", "bot.test/cb?[redacted]"),
        ("https://bot.test/cb", "https://bot.test/cb"),
    ],
)
def test_query_of_a_callback_address_is_hidden(name: str, url: str, left: str) -> None:
    assert shown(url, name) == left


def test_json_nested_beyond_the_limit_is_hidden() -> None:
    text = "[" * 900 + '"token"' + "]" * 900
    assert "token" not in shown(text)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "eyJ",
            "eyJ.",
            "token=",
            "://",
            "://a",
            "bearer ",
            "\\",
            '"token":',
            "%3ftoken%3d",
            "a.",
            "[{",
            "?p=",
        ),
        *("p ", "token '", "pin: 1 ", "authorization:", '\\"token\\":\\"', "%25"),
    ],
)
def test_huge_text_takes_linear_time(piece: str) -> None:
    def seconds(length: int) -> float:
        text = dump({"token": 1, "message": piece * (length // len(piece)) + "="})
        began = time.thread_time()
        without_secrets(text)
        return time.thread_time() - began

    assert min(seconds(400_000) for _ in range(3)) < 20 * max(0.002, min(seconds(50_000) for _ in range(3)))
