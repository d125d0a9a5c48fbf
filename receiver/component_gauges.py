"""What the metrics can read of the present: how much is under way, waits, or is late."""

import math
from collections.abc import Callable, Iterator

from receiver.components import Components
from receiver.metrics.exposition import UNKNOWN
from receiver.metrics.gauges import Reading
from receiver.spool.spool_file import Depth
from receiver.spool.spool_queue import Spool
from receiver.trust.key_set import KeySet


def readings(components: Components, *, keys_are_used: bool) -> Iterator[Reading]:
    """Yield what can be read of the parts of this process, from time to time."""
    yield Reading("workers", "Workers that are alive.", "livesum", lambda: 1)
    yield Reading(
        "open_streams", "Live streams that are open.", "livesum", lambda: components.hub.count_of("stream")
    )
    yield Reading(
        "waiters", "Requests that wait for a result.", "livesum", lambda: components.hub.count_of("waiter")
    )
    yield Reading(
        "feed_lag_seconds",
        "By how much those who wait and stream learn late what has changed; of the worker that is worst off.",
        "livemax",
        lambda: components.hub.lag,
    )
    queued = "Calls that wait in the queue for a round trip to the store."
    yield Reading(
        "store_queued_calls", queued, "livesum", lambda: components.writes.queued, (("way", "write"),)
    )
    yield Reading(
        "store_queued_calls", queued, "livesum", lambda: components.reads.queued, (("way", "read"),)
    )
    yield Reading(
        "overdue_operations",
        "Operations whose result is overdue; all that the store knows, so every instance tells the same.",
        "livemax",
        lambda: components.overdue_watcher.overdue,
    )
    if keys_are_used:
        yield from _of_keys(components.keys)
    if components.spool:
        yield from _of_spool(components.spool)


def _of_keys(keys: KeySet) -> Iterator[Reading]:
    def age() -> float:
        known = keys.status().age
        return math.inf if known is None else known

    text = (
        "Since the signing keys were last fetched; of the worker that is worst off, infinite if it has none."
    )
    yield Reading("signing_keys_age_seconds", text, "livemax", age)
    yield Reading(
        "signing_keys", "Signing keys of the worker that has fewest.", "livemin", lambda: keys.status().keys
    )


def _of_spool(spool: Spool) -> Iterator[Reading]:
    def reading(name: str, text: str, read: Callable[[Depth], float]) -> Reading:
        def known() -> float:
            depth = spool.depth()
            return UNKNOWN if depth is None else read(depth)

        return Reading(name, f"{text} Absent where that cannot be found out.", "livemax", known)

    text = "Notifications that wait in the spool of this machine for the store."
    yield reading("spool_notifications", text, lambda depth: depth.waiting)
    yield reading(
        "spool_age_seconds", "Seconds since the oldest of them came; 0 where there is none.", spool.age
    )
    text = "Dead letters: spooled notifications that the store, though it works, rejects. `receiver retry` tries again."
    yield reading("spool_dead_notifications", text, lambda depth: depth.dead)
