"""The command `receiver simulate`: play Microsoft Graph to a receiver."""

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
import platformdirs

from receiver.simulator.invitations import ENDINGS
from receiver.simulator.invite_api import NEVER, InviteAPI
from receiver.simulator.issuer import METADATA_PATH, Issuer
from receiver.simulator.ledger import Ledger
from receiver.simulator.narrator import Narrator, curl_hint
from receiver.simulator.notification_sender import Sender
from receiver.simulator.simulation import Plan, Run
from receiver.simulator.token_kinds import MAKERS, TokenKind

DEFAULT_URL: Final = "http://127.0.0.1:8000/callback"
DEFAULT_ISSUER_PORT: Final = 8001
DEFAULT_APP_ID: Final = "00001111-aaaa-2222-bbbb-3333cccc4444"
DEFAULT_TENANT: Final = "aaaabbbb-0000-cccc-1111-dddd2222eeee"

_HELP: Final = f"""Play Microsoft Graph: send signed, realistic call notifications to a receiver at URL.

The simulator serves an OpenID issuer of its own on this machine while it runs, and signs its tokens with a
key that is kept in a file. Start the receiver with these two settings, so that it believes this issuer:

\b
export RECEIVER_METADATA_URL=http://127.0.0.1:{DEFAULT_ISSUER_PORT}{METADATA_PATH}
export RECEIVER_APP_IDS={DEFAULT_APP_ID}

They are the same at every start; --issuer-port and --app-id change them. Never set them where real calls
come in.

A call has its states, rosters, and several operations (invitations, one of which mostly nobody answers,
prompts, recordings, tones, hold music) in the shapes that Graph has been seen to use. All names and numbers
are invented.

With --graph-port it also takes invitations as Graph does, for a calling app to try: `POST
/v1.0/communications/calls/{{id}}/participants/invite`. Their results come later, to URL, like all others.

Exit status 0 means that every delivery got the answer that is right for its token: 202 (204 to the old Skype
format) to valid ones, 401 to forged ones; else 1.
"""


@click.command("simulate", help=_HELP, short_help="Play Microsoft Graph to a receiver.")
@click.argument("url", default=DEFAULT_URL)
@click.option("--calls", type=click.IntRange(min=0), default=3, show_default=True, help="0: until stopped.")
@click.option(
    "--speed",
    "--rate",
    "speed",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    help="How many times faster than real calls, which take about 90 s; 0: without waiting.",
)
@click.option("--seed", type=int, help="The same seed invents the same calls, ids and all.")
@click.option("--duplicate", is_flag=True, help="Send some notifications twice.")
@click.option("--reorder", is_flag=True, help="Send them out of order.")
@click.option(
    "--batch", type=click.IntRange(1, 1000), default=1, show_default=True, help="Notifications in one POST."
)
@click.option(
    "--token",
    type=click.Choice([kind.value for kind in TokenKind]),
    default=TokenKind.VALID.value,
    show_default=True,
    help="What is true of the tokens; all but valid and rotated-key are forgeries.",
)
@click.option("--show-token", is_flag=True, help="Print such a token, for a POST by hand, and send nothing.")
@click.option("--rotate-key", is_flag=True, help="Change the signing key in the middle of the run.")
@click.option(
    "--retry",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    help="Try again that often after 503 or no answer. Graph doesn't.",
)
@click.option("--app-id", default=DEFAULT_APP_ID, show_default=True, help="The audience of the tokens.")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="The tenant in the tokens.")
@click.option(
    "--issuer-port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_ISSUER_PORT,
    show_default=True,
    help="Where the issuer is served on 127.0.0.1; 0: a free port.",
)
@click.option(
    "--graph-port",
    type=click.IntRange(0, 65535),
    help="Take invitations on 127.0.0.1, too; 0: a free port.  [default: none are taken]",
)
@click.option(
    "--outcome",
    type=click.Choice([*ENDINGS, NEVER]),
    help="What becomes of invitations that are taken.  [default: any of these but never]",
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file of the signing key, made if missing.  [default: in your data directory]",
)
@click.option(
    "--report",
    type=click.File("w", encoding="utf-8", lazy=False),
    help="Write a JSON line for each operation: what a receiver is to know, and the status its result got.",
)
@click.option(
    "--query-key",
    metavar="KEY",
    help="After each call, print a curl command that asks for an operation of it.",
)
@click.option("--quiet", is_flag=True, help="Print the summary only.")
@click.option("--until-parent-exits", is_flag=True, help="Stop when standard input ends, or brings anything.")
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
    """Play Microsoft Graph to a receiver."""
    kind = TokenKind(token)
    issuer = _issuer(key_file, issuer_port)
    if show_token:
        click.echo(MAKERS[kind](issuer, app_id, tenant))
        return
    url = _callback(url)
    narrator = Narrator(kind.expected_statuses, quiet=quiet)
    ledger = Ledger(kind.expected_statuses, report)
    random = Random(seed)  # noqa: S311  # invented calls, no secrets
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
        _serve(stack, issuer, issuer_port)
        if until_parent_exits:
            _await_receiver(url, stop)  # which the parent starts when it has seen that the issuer is there
        else:
            for line in _settings(issuer, app_id):
                narrator.say(line)
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
            own = Random(None if seed is None else f"{seed}, invitations")  # noqa: S311  # as above
            told = narrator.delivery
            api = InviteAPI(make_sender(), own, ending=outcome, speed=speed, told=told, port=graph_port)
            narrator.say(f"Invitations are taken at {_entered(stack, api).url}")
        hint = partial(curl_hint, url, query_key) if query_key else None
        _play(Run(plan, make_sender(), random, ledger, narrator, stop, hint))
    narrator.summary(ledger.summary())
    if not ledger.all_as_expected:
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


def _issuer(key_file: Path | None, port: int) -> Issuer:
    """Make the issuer.

    Raises:
        click.ClickException: the key file can't be used.
    """
    try:
        path = key_file or Path(platformdirs.user_data_dir("receiver")) / "simulator-key.pem"
    except RuntimeError:
        raise click.UsageError(
            "This user has no home folder to keep a key in: name a file by --key-file"
        ) from None
    try:
        return Issuer(path, port=port)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"The key file {path} can't be used: {error}") from None


def _serve(stack: ExitStack, issuer: Issuer, port: int) -> None:
    """Let the issuer answer until the stack is left.

    Raises:
        click.ClickException: the port can't be used.
    """
    try:
        stack.enter_context(issuer)
    except OSError as error:
        raise click.ClickException(
            f"The issuer can't be served on 127.0.0.1:{port}: {error}. Does another simulator, or "
            "`receiver demo`, run? Another port is chosen by --issuer-port; tell the receiver, too."
        ) from None


def _entered(stack: ExitStack, api: InviteAPI) -> InviteAPI:
    try:
        return stack.enter_context(api)
    except OSError as error:
        raise click.ClickException(f"The invite API can't be served: {error}. Choose another port.") from None


def _settings(issuer: Issuer, app_id: str) -> list[str]:
    return [
        "The receiver believes this simulator if it was started with",
        f"  export RECEIVER_METADATA_URL={issuer.metadata_url}",
        f"  export RECEIVER_APP_IDS={app_id}",
        "",
    ]


def _callback(url: str) -> str:
    """Return where to send to: the address, or its `/callback` where it has no path.

    Raises:
        click.BadParameter: it is not an address.
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
    # os.read, since a thread inside sys.stdin holds a lock that the interpreter wants at its exit
    os.read(sys.stdin.fileno(), 1)
    stop.set()
