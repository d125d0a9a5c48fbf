"""`/livez` and `/readyz`: is this process alive, and can it do its work?"""

from typing import Final

from flask import Blueprint, Response

from receiver.errors import StoreUnavailableError
from receiver.store.condition import Inspector
from receiver.store.link import Link
from receiver.store.skipping import Skips
from receiver.store.spool import Spool, SpoolStatus
from receiver.store.writer import Writer
from receiver.supervision import Supervisor
from receiver.trust.key_set import KeySet
from receiver.web import representation
from receiver.web.context import time_left
from receiver.web.openapi import ANYBODY, Answer, describe
from receiver.web.openapi.answers import LifeSchema, ReadinessSchema

_UNAVAILABLE: Final = 503


def make_health(
    link: Link,
    writer: Writer,
    keys: KeySet,
    spool: Spool | None,
    *,
    supervisor: Supervisor,
    skips: Skips,
    callback_is_set: bool,
    queries_are_set: bool,
) -> Blueprint:
    """Make the routes of health.

    Args:
        link: asked how the store is set up.
        writer: asked whether the store takes writes.
        keys: asked whether there are signing keys.
        spool: takes notifications while the store does not; None where there is none.
        supervisor: asked whether the background loops work.
        skips: asked what could not be read.
        callback_is_set: an app id is set, so Graph can be received.
        queries_are_set: an API key is set, so somebody may ask.
    """
    blueprint = Blueprint("health", __name__)
    inspector = Inspector(link)

    @blueprint.get("/livez")
    @describe(ANYBODY, {200: Answer("The process is alive.", LifeSchema)})
    def alive() -> Response:
        """Tell whether this process is alive.

        Never asks the store: platforms restart what fails here.
        """
        return representation.answer({"status": "alive"})

    @blueprint.get("/readyz")
    @describe(
        ANYBODY,
        {
            200: Answer("It can take notifications.", ReadinessSchema),
            503: Answer("It can't; `checks` says why.", ReadinessSchema),
        },
    )
    def ready() -> Response:
        """Tell whether notifications can be taken now."""
        status = spool.status() if spool else None
        checks = {
            "store": _store(inspector, writer),
            "spool": _spool(status),
            "signingKeys": _signing_keys(keys),
            "loops": _loops(supervisor),
            "records": _records(skips),
            "callback": "ok" if callback_is_set else "closed: set RECEIVER_APP_IDS",
            "queries": "ok"
            if queries_are_set
            else "closed: set RECEIVER_API_KEYS (`receiver keys` makes one)",
        }
        good = {name for name, check in checks.items() if check.startswith("ok")}
        # Whether Graph's notifications are taken. A closed query side is a choice.
        is_ready = good >= {"signingKeys", "callback", "loops"} and bool(good & {"store", "spool"})
        document = {
            "status": "ready" if is_ready else "not ready",
            "checks": checks,
            "spool": status
            and {
                "waiting": status.waiting,
                "oldestSeconds": None if status.age is None else round(status.age),
                "dead": status.dead,
                "bytes": status.size,
            },
        }
        return representation.answer(document, 200 if is_ready else _UNAVAILABLE)

    return blueprint


def _store(inspector: Inspector, writer: Writer) -> str:
    try:
        writer.probe(within=time_left())
        condition = inspector.read(within=time_left())
    except StoreUnavailableError as error:
        return error.detail
    if condition is None:
        return "ok, but its user may not run INFO: whether it may evict results is unknown"
    if condition.may_evict:
        return f"ok, but it may evict results when it is full ({condition.eviction}): set it to noeviction"
    return "ok"


def _spool(status: SpoolStatus | None) -> str:
    if status is None:
        return "off: set RECEIVER_SPOOL"
    if status.error:
        return status.error
    if status.waiting:
        return f"ok: {status.waiting} waiting for the store, the oldest for {status.age:.0f} s"
    return f"ok, but {status.dead} could not be merged" if status.dead else "ok"


def _signing_keys(keys: KeySet) -> str:
    status = keys.status()
    if not status.keys:
        return f"none: {status.error or 'not fetched yet'}"
    if status.error:
        return f"ok: {status.keys} kept from {status.age:.0f} s ago, since then: {status.error}"
    return "ok"


def _loops(supervisor: Supervisor) -> str:
    problems = [f"{name}: {problem}" for name, problem in sorted(supervisor.problems.items())]
    if not problems:
        return "ok"
    return f"Background loops do not work. {' '.join(problems)} See the log; if it stays so, restart the receiver."


def _records(skips: Skips) -> str:
    counts = skips.counts
    if not counts:
        return "ok"
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(counts.items()))
    return (
        f"ok, but stored values could not be read and were skipped: {kinds}. "
        "Another version may have written them; see the log."
    )
