"""Faults that a receiver and its store survive without new processes: one after the other on one bench.

Each records its effect: a fault that did no harm would prove nothing.
"""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

import redis
from redis.exceptions import ResponseError

from tests.faults.bench import Bench
from tests.support import store_proxy
from tests.support.store_proxy import Mishap
from tests.support.waiting import until

Fault: TypeAlias = Callable[[Bench], None]

_NO_ANSWER: Final = "the store does not answer"
_REFUSES: Final = "the store refuses"


def kill_the_store(bench: Bench) -> None:
    bench.store.kill()
    bench.hold(3)
    bench.record_log_effect(f"{_NO_ANSWER}: ConnectionError")
    bench.store.start()


def stall_the_store(bench: Bench) -> None:
    """Stop the store, also in tests for longer than the 2.5 s in which every request must be answered."""
    bench.store.stall()
    bench.hold(10, at_least=2.6)
    bench.record_log_effect(f"{_NO_ANSWER}: TimeoutError")
    bench.store.go_on()


def fill_the_store(bench: Bench) -> None:
    bench.store.client.config_set("maxmemory", 1)
    bench.hold(3)
    bench.record_log_effect(f"{_REFUSES}: OutOfMemoryError")
    bench.store.client.config_set("maxmemory", 0)


def make_the_store_a_replica(bench: Bench) -> None:
    bench.store.client.replicaof("127.0.0.1", "1")
    bench.hold(3)
    bench.record_log_effect(f"{_NO_ANSWER}: ReadOnlyError")
    bench.store.client.replicaof("no", "one")


def lose_the_replicas(bench: Bench) -> None:
    bench.store.client.config_set("min-replicas-to-write", 1)
    bench.hold(3)
    bench.record_log_effect("NOREPLICAS")
    bench.store.client.config_set("min-replicas-to-write", 0)


def fail_to_save(bench: Bench) -> None:
    """Put a folder in the place of the snapshot: the server then rejects writes."""
    client, snapshot = bench.store.client, bench.store.folder / "dump.rdb"
    snapshot.mkdir()
    client.config_set("save", "3600 1")
    client.bgsave()
    bench.hold(3)
    bench.record_log_effect("MISCONF")
    snapshot.rmdir()
    client.config_set("save", "")


def take_no_more_clients(bench: Bench) -> None:
    client = bench.store.client
    client.config_set("maxclients", 1)
    client.client_kill_filter(_type="normal", skipme=True)
    bench.hold(3)
    bench.record_log_effect("max number of clients reached")
    client.config_set("maxclients", 10_000)


def load_for_some_time(bench: Bench) -> None:
    """Let the store take some seconds to load its file, in which it answers LOADING."""
    client = bench.store.client
    client.bgrewriteaof()  # without the data of the previous faults
    until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
    pipeline = client.pipeline(transaction=False)
    for number in range(round(bench.at_pace(20_000, at_least=5000))):
        pipeline.set(f"filler:{number}", "")
    pipeline.execute()
    bench.store.kill()
    bench.store.start("--key-load-delay", "100")  # microseconds
    bench.record_log_effect("BusyLoadingError")
    bench.store.client.config_set("key-load-delay", 0)


def keep_the_store_busy(bench: Bench) -> None:
    """Run a script of another client until it is killed."""
    client = bench.store.client
    client.config_set("busy-reply-threshold", 100)
    script = threading.Thread(target=_run_for_ever, args=(bench.store.url,))
    script.start()
    bench.hold(3)
    bench.record_log_effect("BUSY")
    client.script_kill()
    script.join()


def _run_for_ever(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=None) as client, suppress(ResponseError):  # it was killed
        client.eval("while true do end", 0)


def flush_the_scripts(bench: Bench) -> None:
    client = bench.store.client
    client.config_resetstat()
    for _ in range(5):
        client.script_flush()
        bench.load.await_more()
    bench.record_effect("store: NOSCRIPT", lambda: client.info("errorstats").get("errorstat_NOSCRIPT"))


def change_the_password(bench: Bench) -> None:
    bench.store.client.config_set("requirepass", "another")
    bench.store.client.client_kill_filter(_type="normal", skipme=True)
    bench.hold(3)
    bench.record_log_effect(f"{_REFUSES}: Authentication")
    bench.store.client.config_set("requirepass", "")


def on_the_network(mishap: Mishap, chance: float = 1.0, *, logged: str = "") -> Fault:
    """Return a fault of the chunks between receiver and store."""

    def fault(bench: Bench) -> None:
        before = bench.proxy.mishaps
        bench.proxy.suffer(mishap, chance)
        bench.hold(3)
        if logged:
            bench.record_log_effect(logged)
        else:
            bench.record_effect("on the network", lambda: bench.proxy.mishaps > before)
        bench.proxy.recover()

    return fault


def kill_the_workers(bench: Bench) -> None:
    """Kill them while requests wait for the store, one after the other."""
    bench.proxy.suffer(store_proxy.delay(0.05))
    for worker in bench.workers():
        bench.load.await_more()
        worker.kill()
    bench.record_effect("posts cut", lambda: bench.load.count(None))
    bench.proxy.recover()


def kill_the_receiver_in_an_outage(bench: Bench) -> None:
    bench.store.kill()
    bench.load.await_more()
    bench.record_spooling()
    bench.service.kill()
    bench.service.start()
    bench.load.await_more()
    bench.store.start()


def stop_the_receiver_in_an_outage(bench: Bench) -> None:
    bench.store.kill()
    bench.load.await_more()
    bench.record_spooling()
    assert bench.service.stop(signal.SIGTERM) == 0
    bench.service.start()
    bench.store.start()


COMMON: Final[dict[str, Fault]] = {
    "store killed (-9) and started again": kill_the_store,
    "store stopped (SIGSTOP) for 10 s": stall_the_store,
    "store full (noeviction)": fill_the_store,
    "store a read-only replica": make_the_store_a_replica,
    "store without its replicas (NOREPLICAS)": lose_the_replicas,
    "store can't save (MISCONF)": fail_to_save,
    "store takes no more clients": take_no_more_clients,
    "store reads its file (LOADING)": load_for_some_time,
    "store busy with a script (BUSY)": keep_the_store_busy,
    "scripts flushed": flush_the_scripts,
    "password changed": change_the_password,
    "network slow (100 ms)": on_the_network(store_proxy.delay(0.1)),
    "network very slow (3 s)": on_the_network(store_proxy.delay(3), logged=f"{_NO_ANSWER}: TimeoutError"),
    "network silent (a black hole)": on_the_network(
        store_proxy.black_hole, logged=f"{_NO_ANSWER}: TimeoutError"
    ),
    "network loses 30 % of packets": on_the_network(store_proxy.lose(0.3)),
    "connections cut": on_the_network(store_proxy.cut, 0.2),
    "replies cut in the middle": on_the_network(store_proxy.truncate(store_proxy.REPLY), 0.2),
    "writes cut in the middle": on_the_network(store_proxy.truncate(store_proxy.REQUEST), 0.2),
    "replies lost after the write": on_the_network(store_proxy.lose_reply, 0.2),
    "workers killed (-9) in mid-request": kill_the_workers,
    "store unavailable, receiver killed (-9)": kill_the_receiver_in_an_outage,
    "store unavailable, receiver stopped (SIGTERM)": stop_the_receiver_in_an_outage,
}

ENDS: Final = frozenset({kill_the_workers, kill_the_receiver_in_an_outage, stop_the_receiver_in_an_outage})
"""Faults in which a process ends: its connections may break."""


def may_be(fault: Fault) -> tuple[int | None, ...]:
    """Return the responses other than 202 that are allowed during a fault."""
    return (None,) if fault in ENDS else ()
