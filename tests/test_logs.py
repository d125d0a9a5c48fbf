"""Log lines: one form for all loggers, secrets masked, values sanitized."""

import io
import logging
import sys
import time
from collections.abc import Iterator

import pytest
import structlog

from receiver.logs import LOG_CONTEXT, configure_logging, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl-_x"
SECRETS = {
    "a token": (f"token {JWT} seen", "token ***token*** seen"),
    "a token without its signature": ("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0", "***token***"),
    "the beginning of a token": ("eyJhbGciOiJSUzI1NiJ9", "***token***"),
    "a bearer key": ("Authorization: Bearer kC_9-x, ok", "Authorization: Bearer ***, ok"),
    "a bearer key in small letters": ("bearer 0123456789abcdef0123", "Bearer ***"),
    "a token behind Bearer": (f"Bearer {JWT}", "Bearer ***"),
    "a phone number": ("+4915112345678 called", "***phone*** called"),
    "a phone number as Graph writes it": ("mri 4:+14255550100.", "mri ***phone***."),
    "a phone number in a URL": ("/operations/%2B14255550100", "/operations/***phone***"),
    "the password of a store": ("redis://user:pass@host:6379/0", "redis://***@host:6379/0"),
    "a password with a slash and an at": ("rediss://:p/a@ss@host/0", "rediss://***@host/0"),
    "the credentials in a URL": ("https://me:secret@example.com/a@b", "https://***@example.com/a@b"),
}
HARMLESS = [
    "2026-11-23T10:00:00.000+00:00",
    "https://example.com/callback?a=b@c",
    "1 + 23456",
    "a bearer token is needed",
    "unix:///tmp/receiver-x/valkey.sock",
    "11111111-2222-3333-4444-555555555555",
]


class Logs:
    """The logging configuration, with its own stdout."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    def configure(self, form: str, level: str = "info") -> None:
        self._monkeypatch.setattr(sys, "stdout", self.stdout)
        self._monkeypatch.setattr(logging.getLogger(), "handlers", [])
        configure_logging(form, level)

    @property
    def lines(self) -> list[str]:
        self.stdout.flush()
        self.stdout.seek(0)
        return self.stdout.read().splitlines()


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Logs]:
    level = logging.getLogger().level
    yield Logs(monkeypatch)
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()
    LOG_CONTEXT.set({})


@pytest.mark.parametrize(("text", "redacted"), SECRETS.values(), ids=SECRETS)
def test_secret_is_masked(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_unchanged(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("form", ["logfmt", "console"])
def test_secret_is_masked_in_every_part_of_a_line(form: str, logs: Logs) -> None:
    logs.configure(form)
    logging.getLogger("a").info("foreign %s", f"Bearer {JWT}")
    try:
        _fail(JWT)
    except ValueError:
        structlog.get_logger("b").exception("event", value=JWT, nested={"deep": [JWT]}, raw=JWT.encode())
    text = "\n".join(logs.lines)
    assert "eyJ" not in text
    assert text.count("***token***") >= 4


def test_all_loggers_have_one_form(logs: Logs) -> None:
    logs.configure("logfmt")
    LOG_CONTEXT.set({"request_id": "r-1"})
    logging.getLogger("a.b").warning("from %s", "afar")
    structlog.get_logger("c").info("near", number=1, yes=True, nothing=None)
    first, second = logs.lines
    assert first.split(" ", 1)[1] == 'level=warning logger=a.b event="from afar" request_id=r-1'
    assert (
        second.split(" ", 1)[1] == "level=info logger=c event=near number=1 yes=true nothing= request_id=r-1"
    )
    assert first.startswith("timestamp=2")
    assert first.split(" ", 1)[0].endswith("Z")


@pytest.mark.parametrize("form", ["logfmt", "console"])
@pytest.mark.parametrize(
    "evil",
    ["a\nb", "a\r\nlevel=info", "\x1b[31mred", "\x9b31m", "\u202egnp", "\u2028", "\x00", "\udc80", "\x85"],
)
def test_control_characters_are_escaped(evil: str, form: str, logs: Logs) -> None:
    logs.configure(form)
    logging.getLogger("a").info("one %s", evil)
    structlog.get_logger("b").info(evil, value=evil, nested=[evil], **{f"key {evil}": 1})
    assert len(logs.lines) == 2
    assert all(line.isprintable() and line.isascii() for line in logs.lines)


def test_long_values_are_truncated(logs: Logs) -> None:
    logs.configure("logfmt")
    structlog.get_logger().info("long", value="x" * 100_000, nested=["y" * 100_000])
    assert len(logs.lines[0]) < 4_300


@pytest.mark.parametrize(
    "piece", ["x", "redis://", "://", "eyJ", "eyJ.", "bearer ", "Bearer  ", "+1", "a.b", "a@", "https://a"]
)
def test_hostile_value_takes_linear_time(piece: str) -> None:
    begun = time.process_time()
    redact(piece * (20_000 // len(piece)))
    assert time.process_time() - begun < 0.1


def test_truncation_leaves_no_part_of_a_secret(logs: Logs) -> None:
    logs.configure("logfmt")
    for padding in range(1_950, 2_010):
        structlog.get_logger().info("x" * padding + " " + JWT)
    assert not [line for line in logs.lines if "eyJ" in line]


def test_traceback_in_logfmt_is_one_field(logs: Logs) -> None:
    logs.configure("logfmt")
    try:
        _fail("confidential")
    except ValueError:
        logging.getLogger("a").exception("failed")
        structlog.get_logger("b").exception("failed")
    assert len(logs.lines) == 2
    assert all(r'ValueError: first confidential\nsecond"' in line for line in logs.lines)
    assert not [line for line in logs.lines if "token = " in line or "token='" in line]


def test_traceback_on_the_console_is_indented(logs: Logs) -> None:
    logs.configure("console")
    try:
        _fail("confidential")
    except ValueError:
        structlog.get_logger("b").exception("failed")
    event, *traceback = logs.lines
    assert "failed" in event
    assert traceback[-2:] == ["    ValueError: first confidential", "    second"]
    assert all(line.startswith("    ") for line in traceback)


@pytest.mark.parametrize(("terminal", "shape"), [(True, "\x1b["), (False, "timestamp=")])
def test_format_auto_is_console_on_a_terminal(
    terminal: bool, shape: str, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs.stdout, "isatty", lambda: terminal)
    logs.configure("auto")
    structlog.get_logger().info("event")
    assert logs.lines[0].startswith(shape)


def test_level_applies_to_all_loggers(logs: Logs) -> None:
    logs.configure("logfmt")
    configure_logging("logfmt", "warning")
    logging.getLogger("a").info("foreign")
    structlog.get_logger("b").info("own")
    structlog.get_logger("b").warning("own")
    assert len(logs.lines) == 1


def test_failed_line_is_reported_without_arguments(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("logfmt")
    logging.getLogger("a").info("%d", "confidential")
    assert logs.lines == []
    error = capsys.readouterr().err
    assert "a log line can't be written" in error
    assert "confidential" not in error


def _fail(token: str) -> None:
    raise ValueError(f"first {token}\nsecond")
