"""`receiver demo`: everything at once on this machine, with calls that the simulator plays."""

import dataclasses
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from receiver.settings.configuration import Settings
from receiver.trust.api_keys import SCOPES, APIKey

_LOOPBACK: Final = "127.0.0.1"
_PATIENCE: Final = 20.0
_PATIENCE_AT_END: Final = 5.0
_A_CALL: Final = "57dab8b1-894c-409a-b240-bd8beae78896"
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
        spool=settings.data_dir / "demo" / "spool",
        app_ids=(_APP_ID,),
        tenants=frozenset(),
        metadata_url=issuer,
        key_hosts=(),
        api_keys=(entry,),
        open_queries=True,
        trusted_proxies=0,
        log_level="warning",  # the simulator says what it sends and what is answered
    )
    return made, key


class Simulator:
    """The simulator, in a process of its own that plays as soon as the receiver listens.

    Ctrl-C does not reach it: the receiver's master stops it before its own workers, so that it never finds the
    receiver away. It ends when this process does, however that ends: it reads the pipe that we hold.

    Args:
        settings: of the receiver that it plays to.
        key: for the command that it prints after each call.
        outcome: of invitations that it takes; None for any.

    Attributes:
        graph: where it takes invitations: the substitute for `https://graph.microsoft.com/v1.0`.
    """

    def __init__(self, settings: Settings, key: str, outcome: str | None) -> None:
        graph_port = _free_port()
        self.graph = f"http://{_LOOPBACK}:{graph_port}/v1.0"
        self._issuer_port = int(settings.metadata_url.split("/")[2].rpartition(":")[2])
        address = f"http://{_LOOPBACK}:{settings.port}"
        command = [sys.executable, "-m", "receiver", "simulate", f"{address}/callback"]
        options = ["--app-id", _APP_ID, "--query-key", key, "--calls", "0"]
        ports = ["--issuer-port", str(self._issuer_port), "--graph-port", str(graph_port)]
        outcomes = ["--outcome", outcome] if outcome else []
        keeping = ["--key-file", str(_key_file(settings)), "--until-parent-exits"]
        self._process = subprocess.Popen(
            [*command, *options, *ports, *outcomes, *keeping], stdin=subprocess.PIPE, start_new_session=True
        )

    def await_keys(self) -> None:
        """Return when its keys can be had.

        Raises:
            click.ClickException: it does not come up.
        """
        deadline = time.monotonic() + _PATIENCE
        while not _listens(self._issuer_port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("The simulator does not start.")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it, and return when it has ended. It finishes what it sends just now."""
        if self._process.poll() is not None:
            return
        try:
            self._process.communicate(b"stop", timeout=_PATIENCE_AT_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def greeting(settings: Settings, key: str, graph: str) -> Callable[[str], None]:
    """Return what says where to look, when the receiver listens."""

    def greet(address: str) -> None:
        click.echo(
            f"\nThe receiver listens on {address} and keeps its data in {settings.data_dir}.\n"
            f"Look at {address}/ in a browser, or with the key of this demo:\n\n"
            f"  curl -H 'Authorization: Bearer {key}' '{address}/operations?limit=1'\n\n"
            "Invite somebody as a calling app would, in another terminal, and see what comes of it:\n\n"
            f"  {_python()} -m receiver.examples.invite --graph {graph} --token any"
            f" --url {address} --key {key} {_A_CALL} +12065550100\n\n"
            "Or be Graph yourself, and POST to /callback with a token:\n\n"
            f"  TOKEN=$({_python()} -m receiver simulate --show-token --app-id {_APP_ID}"
            f" --key-file {shlex.quote(str(_key_file(settings)))})\n\n"
            "The simulator now plays calls, as Graph would. Ctrl-C ends the demo.\n"
        )

    return greet


def _key_file(settings: Settings) -> Path:
    return settings.data_dir / "simulator.pem"


def _python() -> str:
    """Return how to call this Python from here."""
    near = os.path.relpath(sys.executable)
    return sys.executable if near.startswith(os.pardir) else near


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((_LOOPBACK, port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
