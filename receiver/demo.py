"""`receiver demo`: everything at once on this machine, with calls that the simulator plays."""

import dataclasses
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import click

from receiver.config import Settings
from receiver.trust.api_keys import SCOPES, APIKey

_LOOPBACK: Final = "127.0.0.1"
_APP_ID: Final = "11111111-2222-3333-4444-555555555555"


def demo_settings(settings: Settings) -> tuple[Settings, str]:
    """Return settings for a demo, made from the user's own, and an API key that works with them."""
    key, entry = APIKey.generate("demo", SCOPES)
    issuer = f"http://{_LOOPBACK}:{_free_port()}/v1/.well-known/OpenIdConfiguration"
    made = dataclasses.replace(
        settings,
        host=_LOOPBACK,
        redis_url=None,
        data_dir=settings.data_dir / "demo",
        app_ids=(_APP_ID,),
        tenants=frozenset(),
        metadata_url=issuer,
        api_keys=(entry,),
        open_queries=True,
        log_level="warning",  # the simulator says what it sends and what is answered
    )
    return made, key


def player(settings: Settings, key: str) -> Callable[[str], None]:
    """Return what starts the simulator when the receiver listens, and says where to look.

    The simulator ends when this process does, however that ends: it reads the pipe that we hold.
    """

    def play(address: str) -> None:
        issuer_port = settings.metadata_url.split("/")[2].rpartition(":")[2]
        click.echo(
            f"\nThe receiver listens on {address} and keeps its data in {settings.data_dir}.\n"
            f"Look at {address}/operations in a browser, or with the key of this demo:\n\n"
            f"  curl -H 'Authorization: Bearer {key}' '{address}/operations?limit=1'\n\n"
            "The simulator now plays calls, as Graph would. Ctrl-C ends the demo.\n"
        )
        command = [sys.executable, "-m", "receiver", "simulate", f"{address}/callback"]
        options = ["--issuer-port", issuer_port, "--app-id", _APP_ID, "--query-key", key, "--calls", "0"]
        key_file = settings.data_dir / "simulator.pem"
        subprocess.Popen(
            [*command, *options, "--key-file", str(key_file), "--until-parent-exits"], stdin=subprocess.PIPE
        )

    return play


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
