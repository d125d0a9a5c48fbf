"""The command `receiver simulate`: send a receiver the notifications of simulated calls."""

import os
import socket
import sys
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, TextIO
from urllib.parse import urlsplit

import click

from receiver.cli.simulation_output import SimulationOutput, curl_hint
from receiver.cli.simulation_servers import make_issuer, serve_invitations, serve_issuer
from receiver.simulator.invitations import INVITATION_RESULTS
from receiver.simulator.invite_api import NEVER, InviteAPI
from receiver.simulator.issuer import METADATA_PATH, Issuer
from receiver.simulator.notification_sender import Sender
from receiver.simulator.run_statistics import RunStatistics
from receiver.simulator.simulation import Plan, Run
from receiver.simulator.token_kinds import MAKERS, TokenKind

DEFAULT_URL: Final = "http://127.0.0.1:8000/callback"
DEFAULT_ISSUER_PORT: Final = 8001
DEFAULT_APP_ID: Final = "00001111-aaaa-2222-bbbb-3333cccc4444"
DEFAULT_TENANT: Final = "aaaabbbb-0000-cccc-1111-dddd2222eeee"

_HELP: Final = f"""Send signed, realistic call notifications to a receiver at URL, like Microsoft Graph.

The simulator serves an OpenID issuer of its own on this machine while it runs, and signs its tokens with a
key that is stored in a file. Start the receiver with these two settings, so that it trusts this issuer:

\b
export RECEIVER_METADATA_URL=http://127.0.0.1:{DEFAULT_ISSUER_PORT}{METADATA_PATH}
export RECEIVER_APP_IDS={DEFAULT_APP_ID}

They are the same at every start; --issuer-port and --app-id change them. Never set them on a receiver of
real calls.

A call has states, rosters, and several operations (invitations, one of them usually unanswered,
prompts, recordings, tones, hold music), in the forms that captured traffic has. All names and numbers are
invented.

With --graph-port it also accepts invitations, for a calling app to test: `POST
/v1.0/communications/calls/{{id}}/participants/invite`. Their results are posted to URL later, like all others.

\b
Exit status: 0  each post got the right status for its token: 202 (204 for the old Skype
                format) for valid ones, 401 for forged ones
             1  a post got another status or no response, or a port or the key file can't be used
             2  the arguments are wrong
"""


@click.command("simulate", help=_HELP, short_help="Send notifications of simulated calls to a receiver.")
@click.argument("url", default=DEFAULT_URL)
@click.option(
    "--calls",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Number of calls; 0: until stopped.",
)
@click.option(
    "--speed",
    "--rate",
    "speed",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    help="Speed relative to real calls, which take about 90 s; 0: without waiting.",
)
@click.option(
    "--seed", type=int, help="Seed of the calls, which decides them and their ids.  [default: random]"
)
@click.option("--duplicate", is_flag=True, help="Send some notifications twice.")
@click.option("--reorder", is_flag=True, help="Send notifications out of order.")
@click.option(
    "--batch",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Most notifications in one POST.",
)
@click.option(
    "--token",
    type=click.Choice([kind.value for kind in TokenKind]),
    default=TokenKind.VALID.value,
    show_default=True,
    help="The kind of the tokens; all but valid and rotated-key are forgeries.",
)
@click.option(
    "--show-token", is_flag=True, help="Print a token of this kind, for a POST by hand, and send nothing."
)
@click.option("--rotate-key", is_flag=True, help="Change the signing key in the middle of the run.")
@click.option(
    "--retry",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    help="Retries of a POST after 503 or no response; Graph never retries.",
)
@click.option("--app-id", default=DEFAULT_APP_ID, show_default=True, help="The audience of the tokens.")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="The tenant in the tokens.")
@click.option(
    "--issuer-port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_ISSUER_PORT,
    show_default=True,
    help="Port of the issuer on 127.0.0.1; 0: a free port.",
)
@click.option(
    "--graph-port",
    type=click.IntRange(0, 65535),
    help="Port on 127.0.0.1 at which invitations are accepted; 0: a free port.  [default: none]",
)
@click.option(
    "--outcome",
    type=click.Choice([*INVITATION_RESULTS, NEVER]),
    help="The result of accepted invitations.  [default: any of these but never]",
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file of the signing key, created if missing.  [default: in your data directory]",
)
@click.option(
    "--report",
    type=click.File("w", encoding="utf-8", lazy=False),
    help="File for a JSON line an operation: the state that a receiver must have, and its result's HTTP status.",
)
@click.option(
    "--query-key",
    metavar="KEY",
    help="API key for a curl command, printed after each call, that queries an operation of it.",
)
@click.option("--quiet", is_flag=True, help="Print the summary only.")
@click.option(
    "--until-parent-exits", is_flag=True, help="Stop when standard input ends, or receives anything."
)
def simulate(
    *,
    url: str,
    calls: int,
    speed: float,
    seed: int | None,
    duplicate: bool,
    reorder: bool,
    batch: int,
    token: str,
    show_token: bool,
    rotate_key: bool,
    retry: int,
    app_id: str,
    tenant: str,
    issuer_port: int,
    graph_port: int | None,
    outcome: str | None,
    key_file: Path | None,
    report: TextIO | None,
    query_key: str | None,
    quiet: bool,
    until_parent_exits: bool,
) -> None:
    """Send notifications of simulated calls to a receiver."""
    kind = TokenKind(token)
    issuer = make_issuer(key_file, issuer_port)
    if show_token:
        click.echo(MAKERS[kind](issuer, app_id, tenant))
        return
    url = _callback(url)
    output = SimulationOutput(kind.expected_statuses, quiet=quiet)
    statistics = RunStatistics(kind.expected_statuses, report)
    random = Random(seed)  # noqa: S311  # invented calls, not secrets
    stop = threading.Event()
    if until_parent_exits:
        threading.Thread(target=_stop_at_input, args=(stop,), daemon=True).start()
    plan = Plan(
        tenant_id=tenant,
        app_id=app_id,
        calls=calls,
        speed=speed,
        duplicate=duplicate,
        reorder=reorder,
        batch=batch,
        rotate_key=rotate_key,
    )
    with ExitStack() as stack:
        serve_issuer(stack, issuer, issuer_port)
        if until_parent_exits:
            _await_receiver(url, stop)  # the parent starts it once the issuer serves
        else:
            for line in _settings(issuer, app_id):
                output.show_line(line)
        make_sender = partial(
            Sender,
            url,
            issuer,
            audience=app_id,
            tenant_id=tenant,
            kind=kind,
            retries=retry,
            sleep=stop.wait,
        )
        if graph_port is not None:
            api = InviteAPI(
                make_sender(),
                Random(None if seed is None else f"{seed}, invitations"),  # noqa: S311  # as above
                outcome=outcome,
                speed=speed,
                on_posted=output.show_post,
                port=graph_port,
            )
            output.show_line(f"Invitations are accepted at {serve_invitations(stack, api).url}")
        hint = partial(curl_hint, url, query_key) if query_key else None
        _play(Run(plan, make_sender(), random, statistics, output, stop, hint))
    output.show_summary(statistics.summary())
    if not statistics.all_as_expected:
        raise SystemExit(1)


def _await_receiver(url: str, stop: threading.Event) -> None:
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    while not stop.is_set():
        with socket.socket() as probe:
            if probe.connect_ex(address) == 0:
                return
        stop.wait(0.05)


def _play(run: Run) -> None:
    try:
        run.play()
    except KeyboardInterrupt:
        click.echo("\nStopped.")


def _settings(issuer: Issuer, app_id: str) -> list[str]:
    return [
        "The receiver trusts this simulator if it was started with",
        f"  export RECEIVER_METADATA_URL={issuer.metadata_url}",
        f"  export RECEIVER_APP_IDS={app_id}",
        "",
    ]


def _callback(url: str) -> str:
    """Return the callback address: the given one, with `/callback` if it has no path.

    Raises:
        click.BadParameter: the URL is not an HTTP address.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.BadParameter(f"must be an address such as {DEFAULT_URL}", param_hint="URL")
    if parts.path.strip("/"):
        return url
    url = parts._replace(path="/callback").geturl()
    click.echo(f"Notifications go to {url}, since the address has no path.", err=True)
    return url


def _stop_at_input(stop: threading.Event) -> None:
    # os.read, since a thread that reads sys.stdin holds a lock that the interpreter needs at its exit
    os.read(sys.stdin.fileno(), 1)
    stop.set()
