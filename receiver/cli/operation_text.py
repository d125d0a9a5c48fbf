"""Operations for people on a terminal. Whatever they hold is shown so that it can do the terminal no harm."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from receiver.client.operation import Operation

COLOURS: Final = {"completed": "green", "failed": "red", "running": "yellow"}
"""By status; the word always stands beside its colour."""


def describe(operation: Operation) -> Iterator[str]:
    """Tell all that matters of an operation, line by line."""
    yield "  ".join(filter(None, (short_type(operation), _coloured(operation), outcome(operation))))
    if operation.result and operation.result.message:
        yield shown(operation.result.message)
    told = {
        "client context": context(operation),
        "call": shown(operation.call_id or ""),
        "operation": shown(operation.operation_id or ""),
        "reason": shown(str(operation.resource.get("completionReason") or "")),
        **{shown(moment.status): _local(moment.at) for moment in operation.timeline},
    }
    if operation.due:
        told["result due"] = _local(operation.due)
    if operation.conflict:
        told["conflict"] = f"{shown(operation.conflict.status)} said later, {_local(operation.conflict.at)}"
    if operation.others:
        told["others"] = f"{operation.others} more with the same client context"
    yield from (f"  {label:<16}{text}" for label, text in told.items() if text)


def line(operation: Operation) -> str:
    """Tell an operation's state in one line."""
    name, result = context(operation), outcome(operation)
    begin = f"{time_of_day(operation.updated)}  {_coloured(operation, 10)}  {short_type(operation):<22}  "
    return begin + (f"{name:<36}  {result}" if result else name)


def short_type(operation: Operation) -> str:
    """Return the type without what all types have in common; a bare one is an `operation`."""
    short = (operation.type or "").removesuffix("Operation")
    return "operation" if short in {"", "comms"} else shown(short)


def status(operation: Operation) -> str:
    """Return the status; an exclamation mark says that a second result differs."""
    return shown(operation.status or "unknown") + ("!" if operation.conflict else "")


def outcome(operation: Operation) -> str:
    """Return Graph's result, such as `408/10057`, or `overdue`; empty while it may still come in time."""
    return "overdue" if operation.overdue else str(operation.result or "")


def context(operation: Operation) -> str:
    """Return the client context."""
    return shown(operation.client_context or "(no client context)")


def time_of_day(at: datetime) -> str:
    """Return a time of day, as clocks here show it."""
    return f"{at.astimezone():%H:%M:%S}"


def shown(text: str) -> str:
    """Return text that is safe and legible on a terminal, on one line."""
    return text if text.isprintable() else repr(text)


def _coloured(operation: Operation, width: int = 0) -> str:
    return click.style(f"{status(operation):<{width}}", fg=COLOURS.get(operation.status or ""))


def _local(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
