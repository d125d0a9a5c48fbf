"""A receiver with a store that nobody else uses and a bad network between them, and a load to put on it."""

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

_SHOWS_WITHIN: Final = 10.0
"""Seconds; a receiver tries for some time before it gives up."""


@dataclass
class Bench:
    """Everything that a fault may lay hands on.

    Args:
        pace: faults last so much of their time; 1 in the program, less in the tests.
    """

    folder: Path
    issuer: Issuer
    store: StoreServer
    proxy: Proxy
    service: Service
    pace: float
    stack: ExitStack
    load: Load = field(init=False)
    _shown: list[str] = field(init=False)
    _log_begins: int = field(init=False)

    def lasts(self, seconds: float, *, at_least: float = 0.3) -> None:
        """Let a fault last, and some notifications be accepted all the same."""
        time.sleep(self.at_pace(seconds, at_least=at_least))
        self.load.await_more()

    def at_pace(self, seconds: float, *, at_least: float) -> float:
        return max(at_least, seconds * self.pace)

    def shows(self, what: str, is_so: Callable[[], object]) -> None:
        """Note that a fault does what it should, as soon as that is so; else its row tells nothing, and says so."""
        deadline = time.monotonic() + _SHOWS_WITHIN
        while not is_so():
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        self.showed(what)

    def showed(self, what: str) -> None:
        self._shown.append(what)

    def shows_in_log(self, words: str) -> None:
        """Note that the receiver has logged these words since the fault began."""
        self.shows(f"log: {words}", lambda: words in self.service.log[self._log_begins :])

    def shows_spooling(self) -> None:
        """Note that something waits in the spool."""
        self.shows("spool in use", lambda: self.service.get("/readyz").json["spool"]["waiting"])

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

    def recovered(self, seconds: float = 20) -> None:
        """Return when the store takes notifications again and the spool is empty."""
        deadline = time.monotonic() + seconds
        while not self._is_well():
            assert time.monotonic() < deadline, self.service.get("/readyz").json
            time.sleep(0.05)

    def _is_well(self) -> bool:
        ready = self.service.get("/readyz").json
        return ready["checks"]["store"].startswith("ok") and not (
            ready["spool"] and ready["spool"]["waiting"]
        )

    def run(self, name: str, fault: Callable[[Self], None], *, may_be: Collection[int | None] = ()) -> Row:
        """Let a fault happen under load, and account for every notification afterwards.

        Args:
            name: of the row.
            fault: makes it happen, says how it shows, and makes it end.
            may_be: see `Row`.
        """
        self.store.client.flushall()
        self._shown, self._log_begins = [], len(self.service.log)
        with Load(self.service, name) as self.load:
            self.load.await_more()
            fault(self)
            self.load.await_more()
        self.recovered()
        return account(
            name, self.load, self.service, shown=", ".join(dict.fromkeys(self._shown)), may_be=may_be
        )


def receiver(folder: Path, url: str | None, issuer: Issuer, **environment: str) -> Service:
    settings = {"RECEIVER_SPOOL": str(folder / "spool"), "WEB_CONCURRENCY": "2", "LOG_LEVEL": "warning"}
    return Service(folder, url, issuer, **{**settings, **environment})


@contextmanager
def bench(
    pace: float = 1.0,
    *,
    kind: str = "valkey-9",
    options: Sequence[str] = stores.DURABLE,
    address: Callable[[StoreServer], str | None] | None = None,
    command: Sequence[str] = SERVE,
    **environment: str,
) -> Iterator[Bench]:
    """Start everything; stop it at the end.

    Args:
        pace: see `Bench`.
        kind: of the store.
        options: of the store.
        address: tells the receiver's way to the store, where it is not the proxy; None: to one of its own.
        command: starts the receiver.
        environment: of the receiver.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="faults-")))
        issuer = stack.enter_context(Issuer(key_file=None))
        store = stack.enter_context(stores.start(kind, options))
        proxy = stack.enter_context(Proxy(store.socket))
        service = receiver(folder, address(store) if address else proxy.url, issuer, **environment)
        stack.callback(service.kill)
        service.start(tuple(command))
        yield Bench(folder, issuer, store, proxy, service, pace, stack)
