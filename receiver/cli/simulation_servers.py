"""The servers of `receiver simulate`, whose errors name the option to change: the issuer and the invite API."""

from contextlib import ExitStack
from pathlib import Path

import click
import platformdirs

from receiver.simulator.invite_api import InviteAPI
from receiver.simulator.issuer import Issuer


def make_issuer(key_file: Path | None, port: int) -> Issuer:
    """Create the issuer.

    Raises:
        click.ClickException: the key file can't be used.
    """
    try:
        path = key_file or Path(platformdirs.user_data_dir("receiver")) / "simulator-key.pem"
    except RuntimeError:
        raise click.UsageError("This user has no home folder for the key file. Set --key-file.") from None
    try:
        return Issuer(path, port=port)
    except (OSError, ValueError) as error:
        raise click.ClickException(
            f"The key file {path} can't be used: {error}. Set --key-file to another one."
        ) from None


def serve_issuer(stack: ExitStack, issuer: Issuer, port: int) -> None:
    """Serve the issuer until the stack is closed.

    Raises:
        click.ClickException: the port can't be used.
    """
    try:
        stack.enter_context(issuer)
    except OSError as error:
        raise click.ClickException(
            f"The issuer can't be served on 127.0.0.1:{port}: {error}. Stop the other simulator or `receiver demo`, or "
            "set --issuer-port, and RECEIVER_METADATA_URL of the receiver."
        ) from None


def serve_invitations(stack: ExitStack, api: InviteAPI) -> InviteAPI:
    """Serve the invite API until the stack is closed.

    Raises:
        click.ClickException: the port can't be used.
    """
    try:
        return stack.enter_context(api)
    except OSError as error:
        raise click.ClickException(
            f"The invite API can't be served: {error}. Set --graph-port to another port."
        ) from None
