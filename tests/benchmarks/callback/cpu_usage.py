"""The CPU that a load takes: of the server, the store, wrk, and everything else on the machine."""

import resource
import time
from dataclasses import dataclass
from typing import Self

import psutil

from tests.benchmarks.callback.servers import Server


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds of CPU used so far, and the time."""

    server: float
    store: float
    wrk: float
    other: float
    time: float

    @classmethod
    def read(cls, server: Server, store: psutil.Process) -> Self:
        """Read it now, while wrk does not run."""
        # All children that were waited for: between two readings that is only wrk.
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        wrk = children.ru_utime + children.ru_stime
        of_server, of_store, own = server.cpu_seconds(), cpu_seconds(store), cpu_seconds(psutil.Process())
        machine = psutil.cpu_times()
        busy = machine.user + machine.nice + machine.system + machine.irq + machine.softirq
        return cls(of_server, of_store, wrk, busy - of_server - of_store - wrk - own, time.monotonic())


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of CPU that a server used, and shares of a core that the others took meanwhile."""

    server: float
    store: float
    wrk: float
    other: float

    @classmethod
    def between(cls, start: Clock, end: Clock) -> Self:
        """Subtract."""
        elapsed = end.time - start.time
        return cls(
            server=end.server - start.server,
            store=(end.store - start.store) / elapsed,
            wrk=(end.wrk - start.wrk) / elapsed,
            other=(end.other - start.other) / elapsed,
        )


def cpu_seconds(process: psutil.Process) -> float:
    """Return the seconds of CPU that a process has used."""
    times = process.cpu_times()
    return times.user + times.system
