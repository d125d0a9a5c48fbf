"""Faults of the embedded store, which is the default: a Valkey that the receiver starts with itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from tests.faults.account import Row
from tests.faults.bench import Bench, bench

_VALKEY: Final = "valkey-server"


def kill_the_embedded_store(pace: float) -> Row:
    """Kill it again and again, each time when it is back."""

    def fault(bench: Bench) -> None:
        for _ in range(max(1, round(3 * pace))):
            [valkey] = [one for one in processes(bench) if one.name() == _VALKEY]
            valkey.kill()
            bench.lasts(1)
            bench.shows_in_log("the embedded store ended")
            bench.shows("another runs", lambda: _VALKEY in [one.name() for one in processes(bench)])

    with embedded(pace) as made:
        return made.run("embedded store killed (-9)", fault)


def kill_the_embedded_store_and_the_receiver(pace: float) -> Row:
    """Kill the receiver, its workers, the store, and who looks after it, as a power cut would; then start again."""

    def fault(bench: Bench) -> None:
        for _ in range(max(1, round(3 * pace))):
            there = processes(bench)
            for process in there:
                process.kill()
            bench.service.kill()
            _, alive = psutil.wait_procs(there, 10)
            assert not alive
            bench.showed("all ended")
            bench.service.start()
            bench.lasts(1)

    with embedded(pace) as made:
        return made.run("embedded store and receiver killed (-9)", fault, may_be=(None,))


@contextmanager
def embedded(pace: float) -> Iterator[Bench]:
    """Make a bench whose store nobody uses."""
    with (
        TemporaryDirectory(prefix="embedded-") as folder,  # who is killed leaves his socket behind
        bench(pace, address=lambda _: None, TMPDIR=folder) as made,
    ):
        yield made


def processes(bench: Bench) -> list[psutil.Process]:
    assert bench.service.process
    receiver = psutil.Process(bench.service.process.pid)
    return [receiver, *receiver.children(recursive=True)]
