"""Logs: one line an event on stdout, alike for structlog, the standard library and gunicorn.

Part of what is logged comes from strangers. So every value is made harmless here, at the one place all lines
pass: secrets and phone numbers are blacked out, control characters become escapes, and what is long is
cut. That is the last line of defence; whoever logs still leaves out what nobody needs.
"""

import contextlib
import io
import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_FIELD_LIMIT: Final = 2_000
_TRACEBACK_LIMIT: Final = 6_000  # platforms split lines of more than 10 kB
_SEARCH_LIMIT: Final = 20_000

WORK: Final[ContextVar[Mapping[str, object]]] = ContextVar("work", default={})  # noqa: B039 - nobody changes it
"""What every line tells that is written on behalf of the present work: which request's it is.

structlog has variables for that, but setting and clearing them takes ten times as long."""

_HANDLER: Final = "receiver"
_TRACEBACKS: Final = frozenset({"exception", "stack"})
_SCALARS: Final = (bool, int, float, type(None))
_HARMLESS: Final = re.compile(r"[\w ./:-]{0,100}", re.ASCII)
"""Nearly every value: no secret looks so but a token's part, or a key behind `Bearer`."""


_Redaction: TypeAlias = tuple[re.Pattern[str], str]
_REDACTIONS: Final[tuple[_Redaction, ...]] = (  # each in linear time: the text may be made to be slow
    (re.compile(r"((?:rediss?|redis\+sentinel)://)[^\s\"'<>]{0,500}@"), r"\1***@"),  # slashes in a password
    (re.compile(r"://[^\s/?#\"'<>]*@"), "://***@"),
    (re.compile(r"\bBearer\s+[^\s\"',;]+"), "Bearer ***"),
    (re.compile(r"\bbearer(\s+|%20|\+)[\w.~+/=-]{16,}", re.IGNORECASE), r"Bearer ***"),
    (re.compile(r"eyJ[\w-]*(?:\.[\w-]+)+|eyJ[\w-]{16,}"), "***token***"),
    (re.compile(r"(?:4:)?(?:\+|%2[Bb])\d{7,}"), "***phone***"),
)

_UNPRINTABLE: Final = (
    r"\x00-\x1f\x7f-\x9f"  # controls: they break lines and colour terminals
    r"\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # what turns the order, or can't be seen
    r"\ud800-\udfff"  # halves of characters: they can't be written at all
)
_UNSAFE: Final = re.compile(f"[{_UNPRINTABLE}]")
_UNSAFE_IN_LINES: Final = re.compile(f"(?!\n)[{_UNPRINTABLE}]")
_UNSAFE_IN_KEYS: Final = re.compile(r"[^\w.:-]")


def configure_logging(settings_format: str, level: str) -> None:
    """Send every log line to stdout in one form. Another call replaces the first.

    Args:
        settings_format: `console`, `logfmt`, or `auto`: console if stdout is a terminal.
        level: `debug`, `info`, `warning` or `error`.
    """
    terminal = sys.stdout.isatty()
    console = settings_format == "console" or (settings_format == "auto" and terminal)
    shared: list[Processor] = [
        _add_work,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[Processor] = [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # without local variables, which hold tokens
        _sanitize,
        *([_indent] if console else []),
        _console_renderer(colors=terminal) if console else _logfmt_renderer(),
    ]
    _install(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        ),
        level,
    )
    structlog.configure(
        processors=[_add_logger_name, *shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Output,
        cache_logger_on_first_use=True,
    )


def redact(text: str) -> str:
    """Black out what looks like a token, a bearer key, a phone number, or the credentials in a URL."""
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return text


class _Output:
    """Where structlog's lines go: straight to stdout. The standard library's way there takes three times as long."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line; what fails is named, and stops nobody's work."""
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            _complain(f"of {self.name}")

    debug = info = warning = error = critical = exception = msg


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; what fails is named, without the raw arguments that the standard library would print."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say on stderr whose line it was."""
        _complain(f"{record.pathname}:{record.lineno}")


def _complain(whose: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"receiver: a log line can't be written: {whose}\n")


def _install(formatter: logging.Formatter, level: str) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that can't show a letter loses no line
    handler = _Handler(sys.stdout)
    handler.set_name(_HANDLER)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for other in [other for other in root.handlers if other.get_name() == _HANDLER]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level.upper())


def _logfmt_renderer() -> Processor:
    order = ["timestamp", "level", "logger", "event"]
    return structlog.processors.LogfmtRenderer(key_order=order, drop_missing=True, bool_as_flag=False)


def _console_renderer(*, colors: bool) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=30
    )


def _add_logger_name(logger: _Output, _: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _add_work(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in WORK.get().items():
        event.setdefault(key, value)
    return event


def _sanitize(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Make every key and value harmless."""
    return {_key(key): value if _is_harmless(value) else _value(key, value) for key, value in event.items()}


def _key(key: str) -> str:
    return key if key.isidentifier() else _UNSAFE_IN_KEYS.sub("_", key)[:100]


def _is_harmless(value: object) -> bool:
    if not isinstance(value, str) or not _HARMLESS.fullmatch(value):
        return False
    lowered = value.lower()
    return "eyj" not in lowered and "bearer" not in lowered


def _indent(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Move tracebacks in, so that no line of theirs looks like an event."""
    for key in _TRACEBACKS & event.keys():
        event[key] = "    " + event[key].replace("\n", "\n    ")
    return event


def _value(key: str, value: object) -> object:
    if isinstance(value, _SCALARS):
        return value
    if key in _TRACEBACKS:  # the end tells most, and the renderers take care of the ends of lines
        return _UNSAFE_IN_LINES.sub(_escape, redact(str(value)[-_SEARCH_LIMIT:]))[-_TRACEBACK_LIMIT:]
    # Redact first: a cut could leave a part of a secret that nothing recognises.
    text = redact((value if isinstance(value, str) else repr(value))[:_SEARCH_LIMIT])
    text = _UNSAFE.sub(_escape, text)
    return text if len(text) <= _FIELD_LIMIT else f"{text[:_FIELD_LIMIT]}…"


def _escape(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode("ascii")
