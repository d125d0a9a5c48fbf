"""Operations as text for a terminal. Control characters in their values are escaped."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from receiver.client.operation import Operation

COLOURS: Final = {"completed": "green", "failed": "red", "running": "yellow"}
"""Colours by status; the status is always printed, too."""


def describe(operation: Operation) -> Iterator[str]:
    """Yield the description of an operation, line by line."""
    yield "  ".join(filter(None, (short_type(operation), _coloured(operation), outcome(operation))))
    if operation.result and operation.result.message:
        yield escaped(operation.result.message)
    values = {
        "client context": context(operation),
        "call": escaped(operation.call_id or ""),
        "operation": escaped(operation.operation_id or ""),
        "reason": escaped(str(operation.resource.get("completionReason") or "")),
        **{escaped(entry.status): _local(entry.at) for entry in operation.timeline},
    }
    if operation.due:
        values["result due"] = _local(operation.due)
    if operation.conflict:
        values["conflict"] = (
            f"{escaped(operation.conflict.status)} reported later, {_local(operation.conflict.at)}"
        )
    if operation.others:
        values["others"] = f"{operation.others} more with the same client context"
    yield from (f"  {label:<16}{text}" for label, text in values.items() if text)


def line(operation: Operation) -> str:
    """Return an operation's state as one line."""
    name, result = context(operation), outcome(operation)
    begin = f"{time_of_day(operation.updated)}  {_coloured(operation, 10)}  {short_type(operation):<22}  "
    return begin + (f"{name:<36}  {result}" if result else name)


def short_type(operation: Operation) -> str:
    """Return the type without its suffix; a bare commsOperation is an `operation`."""
    short = (operation.type or "").removesuffix("Operation")
    return "operation" if short in {"", "comms"} else escaped(short)


def status(operation: Operation) -> str:
    """Return the status; an exclamation mark indicates that a second result differs."""
    return escaped(operation.status or "unknown") + ("!" if operation.conflict else "")


def outcome(operation: Operation) -> str:
    """Return the result, such as `408/10057 Nobody answered`, or `overdue`; empty while neither applies."""
    if operation.overdue:
        return "overdue"
    result = operation.result
    return escaped(" ".join(filter(None, (str(result), result.text)))) if result else ""


def context(operation: Operation) -> str:
    """Return the client context."""
    return escaped(operation.client_context or "(no client context)")


def time_of_day(at: datetime) -> str:
    """Return the local time of day."""
    return f"{at.astimezone():%H:%M:%S}"


def escaped(text: str) -> str:
    """Return text as one line that is safe to print on a terminal."""
    return text if text.isprintable() else repr(text)


def _coloured(operation: Operation, width: int = 0) -> str:
    return click.style(f"{status(operation):<{width}}", fg=COLOURS.get(operation.status or ""))


def _local(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
