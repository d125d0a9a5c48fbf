"""Faults that need a receiver or stores of their own.

Each returns its row, or None if this machine lacks a server for it.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import redis
import trustme

from tests.faults.account import Row
from tests.faults.bench import Bench, bench
from tests.faults.embedded import kill_the_embedded_store, kill_the_embedded_store_and_the_receiver
from tests.support import stores
from tests.support.service import Service, free_port
from tests.support.stores import StoreServer
from tests.support.waiting import until

IsolatedFault: TypeAlias = Callable[[float], Row | None]

DEBIAN: Final = "redis-system"
"""The kind of server that has TLS, and can be a sentinel."""

REPLICATED: Final = (*stores.DURABLE, "--min-replicas-to-write", "1")
"""An old primary that comes back unaware of its replacement has no replica, so it rejects writes."""

_NOTICED: Final = 1.0
"""Seconds after which a router has noticed that a receiver is going to stop."""


def kill_the_store_until_some_are_refused(bench: Bench) -> None:
    bench.store.kill()
    until(lambda: bench.load.count(503) > 10)
    bench.add_effect("503s")
    bench.store.start()


def without_a_spool(scale: float) -> Row:
    with bench(scale, RECEIVER_SPOOL="") as made:
        return made.run("store killed (-9), no spool", kill_the_store_until_some_are_refused, may_be=(503,))


def with_a_full_spool(scale: float) -> Row:
    with bench(scale, RECEIVER_SPOOL_MAX_BYTES=str(1 << 20)) as made:
        return made.run("store killed (-9), spool full", kill_the_store_until_some_are_refused, may_be=(503,))


def fail_over(scale: float) -> Row | None:
    """Kill the primary; a sentinel makes the replica the primary, and the old one comes back as its replica."""
    if stores.KINDS[DEBIAN]() is None:
        return None
    port = free_port()
    with ExitStack() as stack:
        replicas: list[StoreServer] = []

        def address(_: StoreServer) -> str:
            replicas.append(stack.enter_context(replica_of(port)))
            return f"redis+sentinel://127.0.0.1:{stack.enter_context(sentinel(port))}/mymaster"

        def fault(bench: Bench) -> None:
            bench.store.kill()
            until(lambda: role(replicas[0]) == "master")
            bench.record_log_effect("the store does not answer")
            bench.load.await_more()
            bench.store.start()
            until(lambda: role(bench.store) == "slave")

        options = (*REPLICATED, "--port", str(port), "--repl-diskless-sync-delay", "0")
        made = bench(scale, kind=DEBIAN, options=options, address=address, RECEIVER_REDIS_REPLICAS="1")
        with made as running:
            return running.run("failover (Sentinel)", fault)


def role(server: StoreServer) -> object:
    return server.client.info("replication")["role"]


@contextmanager
def replica_of(port: int) -> Iterator[StoreServer]:
    options = [*REPLICATED, "--port", str(free_port()), "--replicaof", f"127.0.0.1 {port}"]
    with stores.start(DEBIAN, options) as server:
        until(lambda: server.client.info("replication")["master_link_status"] == "up")
        yield server


@contextmanager
def sentinel(primary: int) -> Iterator[int]:
    """Start a sentinel that watches a server; yield its port."""
    binary, port = stores.KINDS[DEBIAN](), free_port()
    assert binary
    with TemporaryDirectory(prefix="sentinel-") as folder:
        settings = Path(folder) / "conf"
        settings.write_text(
            f"port {port}\ndir {folder}\nsentinel monitor mymaster 127.0.0.1 {primary} 1\n"
            "sentinel down-after-milliseconds mymaster 2000\nsentinel failover-timeout mymaster 10000\n"
        )
        process = subprocess.Popen([binary, str(settings), "--sentinel"], stdout=subprocess.DEVNULL)
        client = redis.Redis(port=port)
        try:
            until(lambda: knows_a_replica(client))
            yield port
        finally:
            client.close()
            process.kill()
            process.wait()


def knows_a_replica(sentinel: "redis.Redis") -> bool:
    try:
        return bool(sentinel.sentinel_slaves("mymaster"))
    except redis.exceptions.ConnectionError:
        return False


def bad_certificate(scale: float) -> Row | None:
    """Give the store a certificate of an untrusted authority, and then the old one back."""
    if stores.KINDS[DEBIAN]() is None:
        return None
    with TemporaryDirectory(prefix="certificates-") as name:
        folder, port = Path(name), free_port()
        good, bad = certificate(folder / "good"), certificate(folder / "bad")

        def fault(bench: Bench) -> None:
            set_certificate(bench.store, bad)
            bench.hold(3)
            bench.record_log_effect("certificate verify failed")
            set_certificate(bench.store, good)
            bench.hold(3)

        tls = ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(good / "ca")]
        tls += ["--tls-cert-file", str(good / "cert"), "--tls-key-file", str(good / "key")]
        made = bench(
            scale,
            kind=DEBIAN,
            options=(*stores.DURABLE, *tls),
            address=lambda _: f"rediss://localhost:{port}",
            RECEIVER_REDIS_TLS_VERIFY=str(good / "ca"),
        )
        with made as running:
            return running.run("TLS with a bad certificate", fault)


def certificate(folder: Path) -> Path:
    """Write a certificate, its key, and its authority as files into a folder."""
    folder.mkdir()
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "cert")
    issued.private_key_pem.write_to_path(folder / "key")
    authority.cert_pem.write_to_path(folder / "ca")
    return folder


def set_certificate(store: StoreServer, folder: Path) -> None:
    """Let a server use another certificate, and disconnect all clients."""
    files = ("tls-cert-file", str(folder / "cert"), "tls-key-file", str(folder / "key"))
    store.client.execute_command("CONFIG SET", *files)
    store.client.client_kill_filter(_type="normal", skipme=True)


def rolling_restart(scale: float) -> Row:
    """Start the next receiver, stop the present one, and let the router notice late."""

    def fault(bench: Bench) -> None:
        for turn in range(max(1, round(3 * scale))):
            following, present = bench.another_service(f"following-{turn}"), bench.service
            assert present.process
            present.process.send_signal(signal.SIGTERM)
            time.sleep(_NOTICED)
            bench.load.move(following)
            assert present.process.wait(20) == 0
            bench.add_effect(f"receiver {turn + 1} ended")
            bench.service = following
            bench.load.await_more()
        assert bench.load.refused_connections == 0

    with bench(scale) as made:
        return made.run("rolling restart (SIGTERM)", fault)


def reload(scale: float) -> Row:
    """Have the master replace its workers (SIGHUP)."""

    def fault(bench: Bench) -> None:
        before = set(bench.workers())
        assert bench.service.process
        bench.service.process.send_signal(signal.SIGHUP)
        bench.record_effect("new workers", lambda: bench.workers() and not before & set(bench.workers()))
        assert bench.load.refused_connections == 0

    with bench(scale) as made:
        return made.run("workers replaced (SIGHUP)", fault)


def clock_set(scale: float) -> Row:
    """Set the receiver's clock forward and back, by a day and by a year; the store's back by an hour."""
    with TemporaryDirectory(prefix="clock-") as name:
        offset = Path(name) / "offset"
        set_clock(offset, 0)

        def fault(bench: Bench) -> None:
            in_an_hour = f"{round((time.time() + 3600) * 1000)}-0"
            for stream in (
                "feed",
                "changes",
            ):  # as if the store had written this before its clock was set back
                bench.store.client.xadd(
                    f"receiver:{{0}}:{stream}",
                    {"text": '{"resource": ""}', "k": "o", "r": 0, "v": 0},
                    id=in_an_hour,
                )
            for days in (1, -1, 365, -365, 0):
                set_clock(offset, days * 86400)
                bench.hold(1, at_least=0.1)
                bench.record_effect(f"{days:+} d", partial(shows_date, bench.service, days))

        command = (sys.executable, "-m", "tests.faults.shifted", str(offset), "serve")
        with bench(scale, command=command) as made:
            return made.run("clock set forward and back", fault)


def shows_date(service: Service, days: int) -> bool:
    """Return whether a receiver's clock is `days` ahead."""
    date = parsedate_to_datetime(service.get("/livez").headers["Date"])
    return abs(date - datetime.now(UTC) - timedelta(days=days)) < timedelta(hours=1)


def set_clock(file: Path, seconds: int) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.replace(file)


ISOLATED: Final[tuple[IsolatedFault, ...]] = (
    without_a_spool,
    with_a_full_spool,
    kill_the_embedded_store,
    kill_the_embedded_store_and_the_receiver,
    fail_over,
    bad_certificate,
    rolling_restart,
    reload,
    clock_set,
)
