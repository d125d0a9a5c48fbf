"""A receiver with a store of its own and a faulty network between them, and a load on it."""

import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

import psutil

from receiver.simulator.issuer import Issuer
from tests.faults.account import Row, account
from tests.faults.load import Load
from tests.support import stores
from tests.support.service import Service
from tests.support.store_proxy import Proxy
from tests.support.stores import StoreServer

SERVE = (sys.executable, "-m", "receiver", "serve")

_EFFECT_WITHIN: Final = 10.0
"""Seconds within which a fault must have its effect: a receiver retries for some time first."""


@dataclass
class Bench:
    """The parts of a bench, which faults may disturb.

    Args:
        scale: factor of the duration of faults; 1 in the program, less in the tests.
    """

    folder: Path
    issuer: Issuer
    store: StoreServer
    proxy: Proxy
    service: Service
    scale: float
    stack: ExitStack
    load: Load = field(init=False)
    _effects: list[str] = field(init=False)
    _log_begins: int = field(init=False)

    def hold(self, seconds: float, *, at_least: float = 0.3) -> None:
        """Let a fault last, until some more notifications have been accepted."""
        time.sleep(self.at_pace(seconds, at_least=at_least))
        self.load.await_more()

    def at_pace(self, seconds: float, *, at_least: float) -> float:
        return max(at_least, seconds * self.scale)

    def record_effect(self, what: str, is_so: Callable[[], object]) -> None:
        """Record an effect of the fault, as soon as it is observed; without one, the row proves nothing."""
        deadline = time.monotonic() + _EFFECT_WITHIN
        while not is_so():
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        self.add_effect(what)

    def add_effect(self, what: str) -> None:
        self._effects.append(what)

    def record_log_effect(self, words: str) -> None:
        """Record that the receiver has logged these words since the fault began."""
        self.record_effect(f"log: {words}", lambda: words in self.service.log[self._log_begins :])

    def record_spooling(self) -> None:
        """Record that a notification waits in the spool."""
        self.record_effect("spool in use", lambda: self.service.get("/readyz").json["spool"]["waiting"])

    def workers(self) -> list[psutil.Process]:
        assert self.service.process
        return psutil.Process(self.service.process.pid).children()

    def another_service(self, name: str, **environment: str) -> Service:
        """Start another receiver on the same store."""
        folder = self.folder / name
        folder.mkdir()
        another = receiver(folder, self.proxy.url, self.issuer, **environment)
        self.stack.callback(another.kill)
        another.start()
        return another

    def await_recovery(self, seconds: float = 20) -> None:
        """Wait until the store accepts notifications again and the spool is empty."""
        deadline = time.monotonic() + seconds
        while not self._has_recovered():
            assert time.monotonic() < deadline, self.service.get("/readyz").json
            time.sleep(0.05)

    def _has_recovered(self) -> bool:
        ready = self.service.get("/readyz").json
        return ready["checks"]["store"].startswith("ok") and not (
            ready["spool"] and ready["spool"]["waiting"]
        )

    def run(self, name: str, fault: Callable[[Self], None], *, may_be: Collection[int | None] = ()) -> Row:
        """Cause a fault under load, and account for every notification afterwards.

        Args:
            name: the name of the row.
            fault: causes the fault, records its effect, and ends it.
            may_be: see `Row`.
        """
        self.store.client.flushall()
        self._effects, self._log_begins = [], len(self.service.log)
        with Load(self.service, name) as self.load:
            self.load.await_more()
            fault(self)
            self.load.await_more()
        self.await_recovery()
        return account(
            name, self.load, self.service, effect=", ".join(dict.fromkeys(self._effects)), may_be=may_be
        )


def receiver(folder: Path, url: str | None, issuer: Issuer, **environment: str) -> Service:
    settings = {"RECEIVER_SPOOL": str(folder / "spool"), "WEB_CONCURRENCY": "2", "LOG_LEVEL": "warning"}
    return Service(folder, url, issuer, **{**settings, **environment})


@contextmanager
def bench(
    scale: float = 1.0,
    *,
    kind: str = "valkey-9",
    options: Sequence[str] = stores.DURABLE,
    address: Callable[[StoreServer], str | None] | None = None,
    command: Sequence[str] = SERVE,
    **environment: str,
) -> Iterator[Bench]:
    """Start all parts; stop them at the end.

    Args:
        scale: see `Bench`.
        kind: the kind of the store.
        options: options of the store.
        address: returns the store's address for the receiver, if it is not the proxy; None for an embedded store.
        command: starts the receiver.
        environment: the receiver's variables.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="faults-")))
        issuer = stack.enter_context(Issuer(key_file=None))
        store = stack.enter_context(stores.start(kind, options))
        proxy = stack.enter_context(Proxy(store.socket))
        service = receiver(folder, address(store) if address else proxy.url, issuer, **environment)
        stack.callback(service.kill)
        service.start(tuple(command))
        yield Bench(folder, issuer, store, proxy, service, scale, stack)
