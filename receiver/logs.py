"""Logs: one line an event on stdout, in one form for structlog, the standard library and gunicorn.

Some logged values come from unauthenticated senders. So every value is sanitized here, where all lines pass: secrets
and phone numbers are masked, control characters become escapes, and long values are truncated. This is the last line
of defence; callers still log no more than is needed.
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
"""Characters of a value; the rest is cut off."""

_TRACEBACK_LIMIT: Final = 6_000
"""Characters of a traceback, of which the end is kept: platforms split lines of more than 10 kB."""

_SEARCH_LIMIT: Final = 20_000
"""Characters of a value that are searched for secrets, which bounds the time; the rest is cut off before."""

LOG_CONTEXT: Final[ContextVar[Mapping[str, object]]] = ContextVar("log-context", default={})  # noqa: B039 - never mutated
"""Fields of every line that is logged on behalf of the current request.

structlog has context variables for this, but setting and clearing them takes ten times as long.
"""

_HANDLER: Final = "receiver"
_TRACEBACKS: Final = frozenset({"exception", "stack"})
_SCALARS: Final = (bool, int, float, type(None))
_HARMLESS: Final = re.compile(r"[\w ./:-]{0,100}", re.ASCII)
"""The form of nearly every value: no secret has it but a part of a token, or a key after `Bearer`."""


_Redaction: TypeAlias = tuple[re.Pattern[str], str]
_REDACTIONS: Final[tuple[_Redaction, ...]] = (  # each in linear time: the text may be crafted to be slow
    (re.compile(r"((?:rediss?|redis\+sentinel)://)[^\s\"'<>]{0,500}@"), r"\1***@"),  # slashes in a password
    (re.compile(r"://[^\s/?#\"'<>]*@"), "://***@"),
    (re.compile(r"\bBearer\s+[^\s\"',;]+"), "Bearer ***"),
    (re.compile(r"\bbearer(\s+|%20|\+)[\w.~+/=-]{16,}", re.IGNORECASE), r"Bearer ***"),
    (re.compile(r"eyJ[\w-]*(?:\.[\w-]+)+|eyJ[\w-]{16,}"), "***token***"),
    (re.compile(r"(?:4:)?(?:\+|%2[Bb])\d{7,}"), "***phone***"),
)

_UNPRINTABLE: Final = (
    r"\x00-\x1f\x7f-\x9f"  # controls: they break lines and colour terminals
    r"\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # reverses the order, or is invisible
    r"\ud800-\udfff"  # halves of surrogate pairs: they can't be encoded
)
_UNSAFE: Final = re.compile(f"[{_UNPRINTABLE}]")
_UNSAFE_IN_LINES: Final = re.compile(f"(?!\n)[{_UNPRINTABLE}]")
_UNSAFE_IN_KEYS: Final = re.compile(r"[^\w.:-]")


def configure_logging(settings_format: str, level: str) -> None:
    """Write every log line to stdout in one form. Another call replaces the configuration of the first.

    Args:
        settings_format: `console`, `logfmt`, or `auto`: console if stdout is a terminal.
        level: `debug`, `info`, `warning` or `error`.
    """
    terminal = sys.stdout.isatty()
    console = settings_format == "console" or (settings_format == "auto" and terminal)
    shared: list[Processor] = [
        _add_context,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[Processor] = [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # without local variables, which may be tokens
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
    """Return a text with tokens, bearer keys, phone numbers and credentials in URLs masked."""
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return text


class _Output:
    """structlog's output: straight to stdout, in a third of the time that the standard library's handlers take."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line; a failure is reported on stderr and does not interrupt the caller."""
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            _report_failure(f"of {self.name}")

    debug = info = warning = error = critical = exception = msg


class _Handler(logging.StreamHandler[TextIO]):
    """Handler that reports failures without the raw arguments that the standard library would print."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Report on stderr which line could not be written."""
        _report_failure(f"{record.pathname}:{record.lineno}")


def _report_failure(origin: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"receiver: a log line can't be written: {origin}\n")


def _install(formatter: logging.Formatter, level: str) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # no line is lost on a terminal that can't encode a letter
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


def _add_context(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in LOG_CONTEXT.get().items():
        event.setdefault(key, value)
    return event


def _sanitize(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Sanitize every key and value."""
    return {_key(key): value if _is_harmless(value) else _value(key, value) for key, value in event.items()}


def _key(key: str) -> str:
    return key if key.isidentifier() else _UNSAFE_IN_KEYS.sub("_", key)[:100]


def _is_harmless(value: object) -> bool:
    if not isinstance(value, str) or not _HARMLESS.fullmatch(value):
        return False
    lowered = value.lower()
    return "eyj" not in lowered and "bearer" not in lowered


def _indent(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Indent tracebacks, so that none of their lines looks like an event."""
    for key in _TRACEBACKS & event.keys():
        event[key] = "    " + event[key].replace("\n", "\n    ")
    return event


def _value(key: str, value: object) -> object:
    if isinstance(value, _SCALARS):
        return value
    if key in _TRACEBACKS:  # the end matters most, and the renderers escape line ends
        return _UNSAFE_IN_LINES.sub(_escape, redact(str(value)[-_SEARCH_LIMIT:]))[-_TRACEBACK_LIMIT:]
    # Redact first: truncation could leave a part of a secret that no pattern recognises.
    text = redact((value if isinstance(value, str) else repr(value))[:_SEARCH_LIMIT])
    text = _UNSAFE.sub(_escape, text)
    return text if len(text) <= _FIELD_LIMIT else f"{text[:_FIELD_LIMIT]}…"


def _escape(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode("ascii")
