"""What the servers cost beside time under load: their start, their memory, and the store's memory."""

from statistics import median

from tests.benchmarks.callback.load import Load
from tests.benchmarks.callback.servers import FLOOR, PEER, RECEIVER, Kind
from tests.benchmarks.callback.setting import Setting, Site, stocked

STARTS = 5
STORED = 50_000
MIB = 2**20


def figures(setting: Setting) -> str:
    """Measure, and write it down."""
    lines = [_store_memory(setting)]
    with stocked(setting, 0) as site:
        for kind in (FLOOR, RECEIVER, PEER):
            lines += [f"({kind.letter}) {kind.name}", _start(site, kind), _worker_memory(site, kind)]
    return "\n".join(lines)


def _store_memory(setting: Setting) -> str:
    with stocked(setting, 0) as site:
        empty = site.kept.memory()
        site.kept.fill(STORED)
        full = site.kept.memory()
    each = ", ".join(f"{name} {(full[name] - empty[name]) / STORED / 1024:.2f} KiB" for name in empty)
    return f"a completed invitation with one participant in the store, with all indexes ({STORED:,} stored): {each}"


def _start(site: Site, kind: Kind) -> str:
    starts = []
    for _ in range(STARTS):
        server = site.server(kind)
        try:
            starts.append(server.start())
        finally:
            server.stop()
    alive, ready = median(one.alive for one in starts), median(one.ready for one in starts)
    return f"    start: answers after {alive:.2f} s, is ready after {ready:.2f} s (median of {STARTS})"


def _worker_memory(site: Site, kind: Kind) -> str:
    with site.running(kind) as server:
        site.setting.wrk.run(Load("warm-up", 64), server.port, 2)
        memory = server.worker.memory_full_info()
        others = sum(process.memory_full_info().uss for process in server.processes()[:-1])
    worker = f"worker {memory.rss / MIB:.0f} MiB resident, {memory.uss / MIB:.0f} MiB its own"
    return f"    memory after a load of 64 connections: {worker}; other processes {others / MIB:.0f} MiB their own"
