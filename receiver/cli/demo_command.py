"""`receiver demo`: a receiver, its store and the simulator on this machine."""

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
_START_SECONDS: Final = 20.0
"""Time limit for the simulator's start."""

_STOP_SECONDS: Final = 5.0
"""Time limit for its end, after which it is killed."""

_EXAMPLE_CALL: Final = "57dab8b1-894c-409a-b240-bd8beae78896"
_APP_ID: Final = "11111111-2222-3333-4444-555555555555"


def demo_settings(settings: Settings) -> tuple[Settings, str]:
    """Return settings for a demo, derived from the user's own, and an API key that they accept."""
    key, entry = APIKey.generate("demo", SCOPES)
    issuer = f"http://{_LOOPBACK}:{_free_port()}/v1/.well-known/OpenIdConfiguration"
    demo = dataclasses.replace(
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
        log_level="warning",  # the simulator prints what it sends and how the receiver responds
    )
    return demo, key


class SimulatorProcess:
    """The simulator in a process of its own, which sends notifications as soon as the receiver listens.

    Ctrl-C does not reach it: the receiver's master stops it before its own workers, so it never sends to a stopped
    receiver. It ends when this process ends, however that happens: its standard input is a pipe of this process.

    Args:
        settings: of the receiver.
        key: an API key for the command that it prints after each call.
        outcome: the ending of invitations that it accepts; None for any.

    Attributes:
        graph: the base URL of its invite API, in place of `https://graph.microsoft.com/v1.0`.
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
        process_options = ["--key-file", str(_key_file(settings)), "--until-parent-exits"]
        self._process = subprocess.Popen(
            [*command, *options, *ports, *outcomes, *process_options],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def await_keys(self) -> None:
        """Wait until the simulator serves its signing keys.

        Raises:
            click.ClickException: it does not start.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(self._issuer_port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("The simulator does not start.")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the simulator and wait for its end. It finishes the request that it is sending."""
        if self._process.poll() is not None:
            return
        try:
            self._process.communicate(b"stop", timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def greeting(settings: Settings, key: str, graph: str) -> Callable[[str], None]:
    """Return a function that prints what to try, given the receiver's address."""

    def greet(address: str) -> None:
        click.echo(
            f"\nThe receiver listens on {address} and keeps its data in {settings.data_dir}.\n"
            f"Open {address}/ in a browser, or query it with the key of this demo:\n\n"
            f"  curl -H 'Authorization: Bearer {key}' '{address}/operations?limit=1'\n\n"
            "Invite a participant as a calling app would, in another terminal, and see the result:\n\n"
            f"  {_python()} -m receiver.examples.invite --graph {graph} --token any"
            f" --url {address} --key {key} {_EXAMPLE_CALL} +12065550100\n\n"
            "Or send notifications yourself, by POST to /callback with a token:\n\n"
            f"  TOKEN=$({_python()} -m receiver simulate --show-token --app-id {_APP_ID}"
            f" --key-file {shlex.quote(str(_key_file(settings)))})\n\n"
            "The simulator now sends notifications of calls, as Graph would. Ctrl-C ends the demo.\n"
        )

    return greet


def _key_file(settings: Settings) -> Path:
    return settings.data_dir / "simulator.pem"


def _python() -> str:
    """Return the path of this Python, relative to the current folder if it is below it."""
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
