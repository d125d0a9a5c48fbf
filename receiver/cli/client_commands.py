"""The commands `receiver get`, `receiver wait` and `receiver watch`: ask a receiver from a shell."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeVar

import click

from receiver.cli.operation_text import describe, line
from receiver.cli.output import drop_output, print_json
from receiver.cli.watching import Rows, watched
from receiver.client.errors import ClientError
from receiver.client.operation import Operation
from receiver.client.receiver import Receiver

DEFAULT_URL: Final = "http://127.0.0.1:8000"

FAILED: Final = 1
NOT_DONE: Final = 3
"""Not 2, which is what every command here says to options that it doesn't know."""
UNKNOWN: Final = 4
NOT_ANSWERED: Final = 5
NOT_WRITTEN: Final = 6
_BUG: Final = 70
"""EX_SOFTWARE of sysexits.h; Python's own 1 would be taken for `failed`."""
_INTERRUPTED: Final = 130
"""As a shell says of a program that Ctrl-C has ended; click's own 1 would be taken for `failed`."""

F = TypeVar("F", bound=Callable[..., Any])


class _NotAnsweredError(click.ClickException):
    exit_code = NOT_ANSWERED


def _asking(command: F) -> F:
    """Add the options that say whom to ask."""
    key = click.option(
        "--key",
        envvar="RECEIVER_KEY",
        show_envvar=True,
        help="An API key that may read. Better in the environment, where no list of processes shows it.",
    )
    url = click.option(
        "--url",
        envvar="RECEIVER_URL",
        show_envvar=True,
        default=DEFAULT_URL,
        show_default=True,
        help="Where the receiver is.",
    )
    return url(key(command))


_as_json = click.option("--json", "as_json", is_flag=True, help="Print what the receiver answers, as JSON.")


@click.command(short_help="Tell what has become of an operation.")
@click.argument("client_context")
@_asking
@_as_json
def get(client_context: str, url: str, key: str | None, as_json: bool) -> None:
    """Tell the latest state of the operation that has this client context.

    \b
    Exit status: 0  it is known, whatever its state
                 4  nobody has told of it
                 5  the receiver does not answer, or refuses
                 6  the output can't be written
    """  # noqa: D301 - `\b` is how click is told to leave lines as they are
    with _told_errors():
        operation = Receiver(url, key).get(client_context)
        _tell(operation, as_json)
    sys.exit(0 if operation else UNKNOWN)


@click.command(short_help="Wait for an operation's result.")
@click.argument("client_context")
@_asking
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=90.0,
    show_default=True,
    help="For how many seconds.",
)
@_as_json
def wait(client_context: str, url: str, key: str | None, timeout: float, as_json: bool) -> None:
    """Wait for the result of the operation that has this client context, and tell it.

    It need not be known yet, and the receiver may be away for a while.

    \b
    Exit status: 0  it has completed
                 1  it has failed
                 3  it is not done yet
                 4  nobody has told of it in that time
                 5  the receiver does not answer, or refuses
                 6  the output can't be written
    """  # noqa: D301 - `\b` is how click is told to leave lines as they are
    with _told_errors():
        operation = Receiver(url, key).wait(client_context, timeout=timeout)
        _tell(operation, as_json)
    sys.exit(_status(operation))


@click.command(short_help="Watch operations as they happen.")
@_asking
@click.option("--client-context", default="", help="Watch the operations of this client context only.")
@click.option("--call-id", default="", help="Watch the operations of this call only.")
@click.option(
    "--newest",
    type=click.IntRange(0, 500),
    default=20,
    show_default=True,
    help="Begin with that many, if all are watched.",
)
@click.option("--plain", is_flag=True, help="Print lines, on a terminal, too.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print each as a line of JSON, as the receiver tells it."
)
def watch(
    *, url: str, key: str | None, client_context: str, call_id: str, newest: int, plain: bool, as_json: bool
) -> None:
    """Watch operations as they happen, until stopped.

    On a terminal it prints a table that changes by itself (this needs the package `rich`: the extra
    `graph-call-receiver[watch]`), else each change is a line.

    \b
    Exit status: 0  stopped by Ctrl-C, or its output is not read any more
                 5  the receiver does not answer at the start, or refuses
    """  # noqa: D301 - `\b` is how click is told to leave lines as they are
    rows = Rows()
    with _told_errors(at_interrupt=0):
        receiver = Receiver(url, key)
        with receiver.stream(client_context=client_context, call_id=call_id) as stream:
            all_of_them = not (client_context or call_id)
            with _screen(rows, receiver.url, plain, as_json) as show:
                for told in watched(receiver, stream, newest if all_of_them else 0):
                    if items := [operation for operation in told if rows.take(operation)]:
                        show(items)


def _screen(
    rows: Rows, title: str, plain: bool, as_json: bool
) -> AbstractContextManager[Callable[[list[Operation]], None]]:
    """Return what shows operations that are new in the rows."""
    if as_json:
        return nullcontext(_print_json)
    if plain or not sys.stdout.isatty():
        return nullcontext(_print_lines)
    try:
        from receiver.cli.operation_table import live_table  # noqa: PLC0415 - an extra, which may not be installed
    except ImportError:
        click.echo("For a table: pip install 'graph-call-receiver[watch]'", err=True)
        return nullcontext(_print_lines)
    return live_table(rows, title)


def _print_json(operations: list[Operation]) -> None:
    for operation in operations:
        print_json(operation.document)


def _print_lines(operations: list[Operation]) -> None:
    for operation in operations:
        click.echo(line(operation))


def _tell(operation: Operation | None, as_json: bool) -> None:
    if operation is None:
        click.echo("Nobody has told of it: neither Graph nor a registration.", err=True)
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
def _told_errors(at_interrupt: int = _INTERRUPTED) -> Iterator[None]:
    """Print what went wrong in one line, and exit with the status of that error.

    Where the output is a pipe that is not read any more, the command goes on to its own exit status.
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
    except Exception:  # noqa: BLE001 - whatever it is, it must not look like a result
        traceback.print_exc()
        sys.exit(_BUG)
