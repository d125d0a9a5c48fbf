"""Faults that a receiver and its store survive in place: one after the other on one bench."""

import signal
from collections.abc import Callable
from typing import Final, TypeAlias

from tests.faults import proxy
from tests.faults.bench import Bench
from tests.faults.proxy import Mishap

Fault: TypeAlias = Callable[[Bench], None]


def kill_the_store(bench: Bench) -> None:
    bench.store.kill()
    bench.lasts(3)
    bench.store.start()


def stall_the_store(bench: Bench) -> None:
    """In the tests too it lasts longer than the 2.5 s in which everybody must be answered."""
    bench.store.stall()
    bench.lasts(10, at_least=2.6)
    bench.store.go_on()


def fill_the_store(bench: Bench) -> None:
    bench.store.client.config_set("maxmemory", 1)
    bench.lasts(3)
    bench.store.client.config_set("maxmemory", 0)


def make_the_store_a_replica(bench: Bench) -> None:
    bench.store.client.replicaof("127.0.0.1", "1")
    bench.lasts(3)
    bench.store.client.replicaof("no", "one")


def flush_the_scripts(bench: Bench) -> None:
    for _ in range(5):
        bench.store.client.script_flush()
        bench.load.await_more()


def change_the_password(bench: Bench) -> None:
    bench.store.client.config_set("requirepass", "another")
    bench.store.client.client_kill_filter(_type="normal", skipme=True)
    bench.lasts(3)
    bench.store.client.config_set("requirepass", "")


def on_the_network(
    mishap: Mishap, chance: float = 1.0, *, seconds: float = 3, at_least: float = 0.3
) -> Fault:
    """Make a fault of what happens to chunks on their way between receiver and store."""

    def fault(bench: Bench) -> None:
        before = bench.proxy.mishaps
        bench.proxy.suffer(mishap, chance)
        bench.lasts(seconds, at_least=at_least)
        bench.proxy.recover()
        assert bench.proxy.mishaps > before

    return fault


def kill_the_workers(bench: Bench) -> None:
    """Kill them while requests wait for the store, one after the other."""
    bench.proxy.suffer(proxy.delay(0.05))
    for worker in bench.workers():
        bench.load.await_more()
        worker.kill()
    bench.proxy.recover()


def kill_the_receiver_in_an_outage(bench: Bench) -> None:
    bench.store.kill()
    bench.load.await_more()
    bench.service.kill()
    bench.service.start()
    bench.load.await_more()
    bench.store.start()


def stop_the_receiver_in_an_outage(bench: Bench) -> None:
    bench.store.kill()
    bench.load.await_more()
    assert bench.service.stop(signal.SIGTERM) == 0
    bench.service.start()
    bench.store.start()


COMMON: Final[dict[str, Fault]] = {
    "store killed (-9) and started again": kill_the_store,
    "store stopped (SIGSTOP) for 10 s": stall_the_store,
    "store full (noeviction)": fill_the_store,
    "store a read-only replica": make_the_store_a_replica,
    "scripts flushed": flush_the_scripts,
    "password changed": change_the_password,
    "network slow (100 ms)": on_the_network(proxy.delay(0.1)),
    "network very slow (3 s)": on_the_network(proxy.delay(3)),
    "network silent (a black hole)": on_the_network(proxy.black_hole),
    "connections cut": on_the_network(proxy.cut, 0.2),
    "replies cut in the middle": on_the_network(proxy.truncate(proxy.REPLY), 0.2),
    "writes cut in the middle": on_the_network(proxy.truncate(proxy.REQUEST), 0.2),
    "replies lost after the write": on_the_network(proxy.lose_reply, 0.2),
    "workers killed (-9) in mid-request": kill_the_workers,
    "store away, receiver killed (-9)": kill_the_receiver_in_an_outage,
    "store away, receiver stopped (SIGTERM)": stop_the_receiver_in_an_outage,
}
