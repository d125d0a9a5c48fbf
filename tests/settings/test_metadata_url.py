"""The metadata's address: the server at it decides which tokens are trusted."""

import pytest

from receiver.settings.configuration import read_settings
from tests.settings.reading import problems


@pytest.mark.parametrize(
    "url",
    [
        "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration",
        "https://login.example.test:8443/x",
        "HTTPS://example.test",
        "http://localhost:9000/x",
        "http://127.0.0.1/x",
        "http://127.9.9.9:1/x",
        "http://[::1]:9000/x",
    ],
)
def test_metadata_by_https_or_loopback_is_accepted(env: pytest.MonkeyPatch, url: str) -> None:
    env.setenv("RECEIVER_METADATA_URL", url)
    assert read_settings().metadata_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.aps.skype.com/v1/.well-known/OpenIdConfiguration",
        "http://localhost.example.test/",
        "http://127.0.0.1.example.test/",
        "http://localhost@example.test/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::2]/",
        "https://",
        "https:///x",
        "https://[",
        "https://℀.test/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "localhost:9000",
        "//localhost/",
    ],
)
def test_metadata_by_http_is_refused(env: pytest.MonkeyPatch, url: str) -> None:
    env.setenv("RECEIVER_METADATA_URL", url)
    assert problems()["RECEIVER_METADATA_URL"].startswith("must be https, or http on a loopback address")
