"""Settings that cannot count, as the commands refuse them: by name, in one line each, without the secret."""

import pytest

from tests.whole.test_cli import run

SECRET = "sword/fish"


@pytest.mark.parametrize("command", ["serve", "check", "demo", "retry"])
@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@127.0.0.1:1/0?decode_responses=True",
        f"redis://:{SECRET}@127.0.0.1:1/zero",
        f"redis://:{SECRET}@127.0.0.1:{SECRET}",
        f"rediss://:{SECRET}@127.0.0.1:1?ssl_cert_reqs=none",
    ],
)
def test_a_wrong_url_is_refused_in_one_line(command: str, url: str) -> None:
    refused = run(command, REDIS_URL=url)
    assert (refused.returncode, refused.stdout) == (1, "")
    [line] = refused.stderr.splitlines()
    assert line.startswith("REDIS_URL: ")
    assert SECRET not in line
    assert SECRET.partition("/")[2] not in line
