"""The setting of a measurement: a core for the servers, and another for the issuer, the store and the load."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from receiver.simulator.issuer import Issuer
from tests import stores
from tests.benchmarks.callback.kept import Kept
from tests.benchmarks.callback.load import Wrk
from tests.benchmarks.callback.servers import Kind, Server, token
from tests.stores import StoreServer


@dataclass(frozen=True, slots=True)
class Setting:
    """What all servers share."""

    server_core: int
    folder: Path
    issuer: Issuer
    store: StoreServer
    kept: Kept
    wrk: Wrk

    def server(self, kind: Kind) -> Server:
        """Make a server, which is not started yet."""
        return Server(kind, self.server_core, self.folder, self.store.url, self.issuer)


@contextmanager
def setting() -> Iterator[Setting]:
    """Set up, and clear away.

    Raises:
        RuntimeError: there is only one core.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        raise RuntimeError("one core for the servers and one for the load are needed")
    os.sched_setaffinity(0, {cores[1]})  # what is started from here on stays there, but for the servers
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        issuer = stack.enter_context(Issuer())
        store = stores.start("valkey-9")
        assert store
        assert store.process
        stack.callback(store.remove)
        wrk = Wrk(psutil.Process(store.process.pid), token(issuer), folder)
        yield Setting(cores[0], folder, issuer, store, Kept(store), wrk)
