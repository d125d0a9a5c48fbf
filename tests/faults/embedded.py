"""Faults of the embedded store, which is the default: a Valkey that the receiver starts with itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from tests.faults.account import Row
from tests.faults.bench import Bench, bench

_VALKEY: Final = "valkey-server"


def kill_the_embedded_store(scale: float) -> Row:
    """Kill the store repeatedly, each time when it is back."""

    def fault(bench: Bench) -> None:
        for _ in range(max(1, round(3 * scale))):
            [valkey] = [one for one in processes(bench) if one.name() == _VALKEY]
            valkey.kill()
            bench.hold(1)
            bench.record_log_effect("the embedded store ended")
            bench.record_effect("another runs", lambda: _VALKEY in [one.name() for one in processes(bench)])

    with embedded(scale) as made:
        return made.run("embedded store killed (-9)", fault)


def kill_the_embedded_store_and_the_receiver(scale: float) -> Row:
    """Kill the receiver, its workers, the store and its supervisor, as in a power cut; then start again."""

    def fault(bench: Bench) -> None:
        for _ in range(max(1, round(3 * scale))):
            running = processes(bench)
            for process in running:
                process.kill()
            bench.service.kill()
            _, alive = psutil.wait_procs(running, 10)
            assert not alive
            bench.add_effect("all ended")
            bench.service.start()
            bench.hold(1)

    with embedded(scale) as made:
        return made.run("embedded store and receiver killed (-9)", fault, may_be=(None,))


@contextmanager
def embedded(scale: float) -> Iterator[Bench]:
    """Make a bench whose receiver uses its embedded store."""
    with (
        TemporaryDirectory(prefix="embedded-") as folder,  # a killed server leaves its socket behind
        bench(scale, address=lambda _: None, TMPDIR=folder) as made,
    ):
        yield made


def processes(bench: Bench) -> list[psutil.Process]:
    assert bench.service.process
    receiver = psutil.Process(bench.service.process.pid)
    return [receiver, *receiver.children(recursive=True)]
