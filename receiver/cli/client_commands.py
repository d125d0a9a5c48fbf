"""The commands `receiver get`, `receiver wait` and `receiver watch`: query a receiver from a shell."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeVar

import click

from receiver.cli.operation_text import describe, line
from receiver.cli.output import drop_output, print_json
from receiver.cli.watched_operations import RecentOperations, watch_operations
from receiver.client.errors import ClientError
from receiver.client.operation import Operation
from receiver.client.receiver import Receiver

DEFAULT_URL: Final = "http://127.0.0.1:8000"

FAILED: Final = 1
"""Exit status: the operation has failed."""

NOT_DONE: Final = 3
"""Exit status: no result in time. Not 2, with which every command exits if its arguments are wrong."""

UNKNOWN: Final = 4
"""Exit status: the receiver does not know the operation."""

NOT_ANSWERED: Final = 5
"""Exit status: the receiver did not answer, or refused."""

NOT_WRITTEN: Final = 6
"""Exit status: the output can't be written."""

_UNEXPECTED: Final = 70
"""EX_SOFTWARE of sysexits.h; Python's own 1 would mean `failed`."""

_INTERRUPTED: Final = 130
"""The status that a shell reports for a program ended by Ctrl-C; click's own 1 would mean `failed`."""

F = TypeVar("F", bound=Callable[..., Any])


class _NotAnsweredError(click.ClickException):
    exit_code = NOT_ANSWERED


def _connection_options(command: F) -> F:
    """Add the options `--url` and `--key`."""
    key = click.option(
        "--key",
        envvar="RECEIVER_KEY",
        show_envvar=True,
        help="An API key with the scope read. Prefer the variable: lists of processes show arguments.",
    )
    url = click.option(
        "--url",
        envvar="RECEIVER_URL",
        show_envvar=True,
        default=DEFAULT_URL,
        show_default=True,
        help="The receiver's address.",
    )
    return url(key(command))


_as_json = click.option("--json", "as_json", is_flag=True, help="Print the receiver's JSON.")


@click.command(short_help="Print the state of an operation.")
@click.argument("client_context")
@_connection_options
@_as_json
def get(client_context: str, url: str, key: str | None, as_json: bool) -> None:
    """Print the latest state of the operation with this CLIENT_CONTEXT.

    \b
    Exit status: 0  the operation is known, in whichever state
                 2  the arguments are wrong
                 4  the operation is unknown
                 5  the receiver does not answer, or refuses
                 6  the output can't be written
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    with _exit_at_errors():
        operation = Receiver(url, key).get(client_context)
        _print_operation(operation, as_json)
    sys.exit(0 if operation else UNKNOWN)


@click.command(short_help="Wait for an operation's result.")
@click.argument("client_context")
@_connection_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=90.0,
    show_default=True,
    help="Longest wait in seconds.",
)
@_as_json
def wait(client_context: str, url: str, key: str | None, timeout: float, as_json: bool) -> None:
    """Wait for the result of the operation with this CLIENT_CONTEXT, and print it.

    The operation may be unknown at first, and the receiver unavailable for a while.

    \b
    Exit status: 0  the operation completed
                 1  the operation failed
                 2  the arguments are wrong
                 3  the operation is not done when the time is over
                 4  the operation is unknown when the time is over
                 5  the receiver does not answer, or refuses
                 6  the output can't be written
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    with _exit_at_errors():
        operation = Receiver(url, key).wait(client_context, timeout=timeout)
        _print_operation(operation, as_json)
    sys.exit(_status(operation))


@click.command(short_help="Watch operations as they happen.")
@_connection_options
@click.option(
    "--client-context", default="", help="Show the operations of this client context only.  [default: all]"
)
@click.option("--call-id", default="", help="Show the operations of this call only.  [default: all]")
@click.option(
    "--newest",
    type=click.IntRange(0, 500),
    default=20,
    show_default=True,
    help="Number of operations to begin with, if all are shown.",
)
@click.option("--plain", is_flag=True, help="Print lines instead of a table on a terminal, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the receiver's JSON, a line for each change.")
def watch(
    *, url: str, key: str | None, client_context: str, call_id: str, newest: int, plain: bool, as_json: bool
) -> None:
    """Show the newest operations, then each change as it happens, until stopped.

    On a terminal it updates a table in place (this needs the package `rich`: the extra
    `graph-call-receiver[watch]`); otherwise it prints a line for each change.

    \b
    Exit status: 0  stopped by Ctrl-C, or the reader of its output has gone
                 2  the arguments are wrong
                 5  the receiver does not answer at the start, or refuses
                 6  the output can't be written
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    recent = RecentOperations()
    with _exit_at_errors(at_interrupt=0):
        receiver = Receiver(url, key)
        with receiver.stream(client_context=client_context, call_id=call_id) as stream:
            shows_all = not (client_context or call_id)
            with _display(recent, receiver.url, plain, as_json) as show:
                for operations in watch_operations(receiver, stream, newest if shows_all else 0):
                    if changed := [operation for operation in operations if recent.add(operation)]:
                        show(changed)


def _display(
    recent: RecentOperations, title: str, plain: bool, as_json: bool
) -> AbstractContextManager[Callable[[list[Operation]], None]]:
    """Return a context whose function shows operations that changed."""
    if as_json:
        return nullcontext(_print_json)
    if plain or not sys.stdout.isatty():
        return nullcontext(_print_lines)
    try:
        from receiver.cli.operation_table import live_table  # noqa: PLC0415 - an extra, which may not be installed
    except ImportError:
        click.echo("For a table: pip install 'graph-call-receiver[watch]'", err=True)
        return nullcontext(_print_lines)
    return live_table(recent, title)


def _print_json(operations: list[Operation]) -> None:
    for operation in operations:
        print_json(operation.document)


def _print_lines(operations: list[Operation]) -> None:
    for operation in operations:
        click.echo(line(operation))


def _print_operation(operation: Operation | None, as_json: bool) -> None:
    if operation is None:
        click.echo(
            "The operation is unknown: the receiver has neither a notification nor a registration of it.",
            err=True,
        )
    elif as_json:
        print_json(operation.document, indent=2)
    else:
        for text in describe(operation):
            click.echo(text)


def _status(operation: Operation | None) -> int:
    if operation is None:
        return UNKNOWN
    if not operation.done:
        return NOT_DONE
    return FAILED if operation.failed else 0


@contextmanager
def _exit_at_errors(at_interrupt: int = _INTERRUPTED) -> Iterator[None]:
    """Print an error as one line, and exit with its status.

    If the reader of the output's pipe has gone, the command goes on to its own exit status.
    """
    try:
        yield
    except click.ClickException:
        raise
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        drop_output()
        click.echo(f"Error: the output can't be written: {error}", err=True)
        sys.exit(NOT_WRITTEN)
    except ClientError as error:
        raise _NotAnsweredError(str(error)) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        sys.exit(at_interrupt)
    except Exception:  # noqa: BLE001 - no error may look like a result
        traceback.print_exc()
        sys.exit(_UNEXPECTED)
