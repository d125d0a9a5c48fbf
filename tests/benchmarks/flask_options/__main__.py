"""What each override of Flask gains: CPU time of POSTs to /callback, beside stock Flask in the same run.

    python -m tests.benchmarks.flask_options [--rounds N] [--posts N]

For each variant an app is made as in production, with a store of its own process, and called in this process through
gunicorn's parser and response. Variants take turns in random order, so that a disturbance of the machine hits all
alike; only the CPU time of the calling thread counts. `gain` is the rate beside that of stock Flask in the same round:
the median of all rounds.
"""

import contextlib
import gc
import io
import os
import random
import time
from collections.abc import Iterator
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import click
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.workers.base_async import AsyncWorker  # type: ignore[import-untyped]

import receiver.app
from receiver.components import make_components
from receiver.logs import configure_logging
from receiver.server.serve import gunicorn_settings
from receiver.settings.configuration import Settings, read_settings
from receiver.simulator.issuer import Issuer
from tests.benchmarks.callback import items
from tests.benchmarks.flask_options.candidates import (
    EVERYTHING,
    RECEIVER,
    SCHEMAS_ONLY,
    STOCK,
    VARIANTS,
    Variant,
)
from tests.support import stores
from tests.support.service import APP_ID, TENANT

WARM_UP: Final = 3
SERIES: Final = "f1a5f1a5"


class Socket:
    """A connection over which everything has arrived already, and that only counts what is sent."""

    def __init__(self, received: bytes) -> None:
        self._received = received
        self.sent = bytearray()

    def recv(self, _: int) -> bytes:
        received, self._received = self._received, b""
        return received

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        pass

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 8000


class Worker(AsyncWorker):  # type: ignore[misc]
    """gunicorn's way from bytes to the app and back, without a real connection."""

    def timeout_ctx(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Posts:
    """Requests as Graph sends them, of operations that the store does not know yet."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._number = 0

    def make(self, number: int) -> bytes:
        return b"".join(self._next() for _ in range(number))

    def _next(self) -> bytes:
        self._number += 1
        body = items.body(items.invitation(SERIES, items.digits(self._number)))
        head = (
            "POST /callback HTTP/1.1",
            "Host: receiver.example",
            f"Authorization: Bearer {self._token}",
            "Content-Type: application/json; charset=utf-8",
            "X-Microsoft-Skype-Message-ID: aaaaaaaa-1111-4222-8333-444444444444",
            "X-Microsoft-Skype-Chain-ID: aaaaaaaa-1111-4222-8333-555555555555",
            f"Content-Length: {len(body)}",
        )
        return "\r\n".join((*head, "", body)).encode()


@click.command(help=__doc__)
@click.option("--rounds", default=100, show_default=True, help="How often the variants take turns.")
@click.option("--posts", default=20, show_default=True, help="POSTs of a turn.")
def main(rounds: int, posts: int) -> None:
    with set_up() as (settings, requests):
        microseconds = measure(settings, requests, rounds, posts)
    click.echo(table(microseconds))


@contextlib.contextmanager
def set_up() -> Iterator[tuple[Settings, Posts]]:
    """Start a store and an issuer, and make settings for them."""
    with stores.start() as store, Issuer() as issuer:
        environment = {
            "REDIS_URL": store.url,
            "RECEIVER_APP_IDS": APP_ID,
            "RECEIVER_METADATA_URL": issuer.metadata_url,
        }
        with patch.dict(os.environ, environment):
            yield read_settings(), Posts(issuer.token(audience=APP_ID, tenant_id=TENANT))


def measure(settings: Settings, requests: Posts, rounds: int, posts: int) -> dict[str, list[float]]:
    """Return the CPU time of a POST in µs, of each variant in each round."""
    measured: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with contextlib.redirect_stdout(io.StringIO()) as log:
        configure_logging("logfmt", "info")
        workers = {name: make_worker(settings, variant) for name, variant in VARIANTS.items()}
        turn(workers[STOCK], VARIANTS[STOCK], requests.make(posts))  # fetches the signing keys
        gc.collect()
        gc.freeze()
        for number in range(WARM_UP + rounds):
            for name in random.sample(list(VARIANTS), len(VARIANTS)):
                seconds = turn(workers[name], VARIANTS[name], requests.make(posts))
                if number >= WARM_UP:
                    measured[name].append(seconds / posts * 1e6)
            log.seek(0)
            log.truncate()
    return measured


def make_worker(settings: Settings, variant: Variant) -> Worker:
    config = Config()
    for name, value in gunicorn_settings(settings).items():
        config.set(name, value)
    config.set("pre_request", lambda _worker, _request: None)
    worker = Worker(1, os.getppid(), [], None, 30, config, config.logger_class(config))
    with patch.object(receiver.app, "ReceiverFlask", variant.flask):
        components = make_components(settings)
        worker.wsgi = receiver.app.create_app(components)
    components.start()
    return worker


def turn(worker: Worker, variant: Variant, received: bytes) -> float:
    """Have a worker answer requests, and return the seconds of CPU that it took.

    Raises:
        RuntimeError: one of them is not answered with 202.
    """
    connection: Any = Socket(received)
    with patch.object(*variant.replaced):
        began = time.thread_time()
        worker.handle(connection, connection, ("127.0.0.1", 1))
        seconds = time.thread_time() - began
    if connection.sent.count(b"HTTP/1.1 202 ") != received.count(b"POST /callback "):
        raise RuntimeError(connection.sent[-2000:].decode())
    return seconds


def table(microseconds: dict[str, list[float]]) -> str:
    def gain(name: str, beside: str = STOCK) -> float:
        pairs = zip(microseconds[beside], microseconds[name], strict=True)
        return median(other / own for other, own in pairs) - 1

    lines = [f"{'':<20} {'CPU µs/POST':>12} {'gain':>7}"]
    lines += [f"{name:<20} {median(microseconds[name]):>12.0f} {gain(name):>7.1%}" for name in VARIANTS]
    lines.append(
        f"The overrides that the receiver does without cost {-gain(RECEIVER, EVERYTHING):.1%} of the rate."
    )
    lines.append(f"Its checks, compiled from schemas, gain {gain(RECEIVER, SCHEMAS_ONLY):.1%}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
