"""The setting of a measurement: a core for the servers, and another for the issuer, the stores and wrk."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from receiver.simulator.issuer import Issuer
from tests.benchmarks.callback.kept import Kept
from tests.benchmarks.callback.servers import Kind, Server, token
from tests.benchmarks.callback.wrk import Wrk
from tests.support import stores


@dataclass(frozen=True, slots=True)
class Setting:
    """What all share."""

    server_core: int
    folder: Path
    issuer: Issuer
    wrk: Wrk


@dataclass(frozen=True, slots=True)
class Site:
    """A store that holds so many records, and a place for servers that use it."""

    setting: Setting
    records: int
    redis_url: str
    store: psutil.Process
    kept: Kept

    @contextmanager
    def running(self, kind: Kind) -> Iterator[Server]:
        """Run a server here."""
        server = self.server(kind)
        try:
            server.start()
            yield server
        finally:
            server.stop()

    def server(self, kind: Kind) -> Server:
        """Make a server, which is not started yet."""
        setting = self.setting
        return Server(kind, setting.server_core, setting.folder, self.redis_url, setting.issuer)


@contextmanager
def set_up() -> Iterator[Setting]:
    """Take the cores and start the issuer.

    Raises:
        RuntimeError: there is only one core.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        raise RuntimeError("one core for the servers and another for the load are needed")
    os.sched_setaffinity(0, {cores[1]})  # what is started from here on stays there, but for the servers
    with tempfile.TemporaryDirectory() as folder, Issuer() as issuer:
        yield Setting(cores[0], Path(folder), issuer, Wrk(token(issuer), Path(folder)))


@contextmanager
def stocked(setting: Setting, records: int) -> Iterator[Site]:
    """Run a store that holds so many completed invitations. A million take two minutes to store."""
    with stores.start() as store:
        assert store.process
        yield Site(setting, records, store.url, psutil.Process(store.process.pid), Kept(store, records))
