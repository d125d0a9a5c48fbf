"""The gauges of a process: what its components report at the moment of a scrape."""

import math
from collections.abc import Callable, Iterator

from receiver.background.overdue_watcher import OverdueWatcher
from receiver.metrics.exposition import UNKNOWN
from receiver.metrics.gauges import GaugeSource
from receiver.spool.spool_file import Depth
from receiver.spool.spool_queue import Spool
from receiver.store.transport.batching_client import BatchingClient
from receiver.trust.key_set import KeySet
from receiver.web.live.hub import Hub


def gauge_sources(
    hub: Hub,
    writes: BatchingClient,
    reads: BatchingClient,
    overdue_watcher: OverdueWatcher,
    *,
    keys: KeySet | None,
    spool: Spool | None,
) -> Iterator[GaugeSource]:
    """Yield the gauges of the components of a process; `keys` is None where no tokens are verified."""
    yield GaugeSource("workers", "Live workers.", "livesum", lambda: 1)
    yield GaugeSource("open_streams", "Open live streams.", "livesum", lambda: hub.count_of("stream"))
    yield GaugeSource(
        "waiters", "Requests that wait for a result.", "livesum", lambda: hub.count_of("long_poll")
    )
    yield GaugeSource(
        "feed_lag_seconds",
        "Seconds until waiting and streaming clients get a change; of the worker with the longest delay.",
        "livemax",
        lambda: hub.lag,
    )
    queued = "Calls that wait in the queue for a round trip to the store."
    yield GaugeSource("store_queued_calls", queued, "livesum", lambda: writes.queued, (("way", "write"),))
    yield GaugeSource("store_queued_calls", queued, "livesum", lambda: reads.queued, (("way", "read"),))
    yield GaugeSource(
        "overdue_operations",
        "Operations past due without a result, in the whole store; see GET /operations.",
        "livemax",
        lambda: overdue_watcher.overdue,
    )
    if keys:
        yield from _key_gauges(keys)
    if spool:
        yield from _spool_gauges(spool)


def _key_gauges(keys: KeySet) -> Iterator[GaugeSource]:
    def age() -> float:
        known = keys.status().age
        return math.inf if known is None else known

    text = "Seconds since the signing keys were last fetched, of the worker with the oldest; infinite without keys."
    yield GaugeSource("signing_keys_age_seconds", text, "livemax", age)
    yield GaugeSource(
        "signing_keys",
        "Signing keys of the worker with the fewest; at 0, check /readyz and egress.",
        "livemin",
        lambda: keys.status().keys,
    )


def _spool_gauges(spool: Spool) -> Iterator[GaugeSource]:
    def source(name: str, text: str, read: Callable[[Depth], float]) -> GaugeSource:
        def known() -> float:
            depth = spool.depth()
            return UNKNOWN if depth is None else read(depth)

        return GaugeSource(name, f"{text} Absent where the spool cannot be read.", "livemax", known)

    text = "Notifications in this machine's spool, until the store is available."
    yield source("spool_notifications", text, lambda depth: depth.waiting)
    yield source(
        "spool_age_seconds",
        "Seconds since the oldest spooled notification arrived; 0 without one.",
        spool.age,
    )
    text = "Spooled notifications that the store rejects though it works; `receiver retry` merges them."
    yield source("spool_dead_notifications", text, lambda depth: depth.dead)
