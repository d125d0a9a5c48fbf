"""`/livez` and `/readyz`: is this process alive, and can it do its work?

Both need no key, so an anonymous answer has states in fixed words only: no path, host name or text of an error. A
request with an API key gets the details.
"""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response

from receiver.errors import StoreUnavailableError
from receiver.spool.spool_queue import Spool, SpoolStatus
from receiver.store.server_facts import ServerFactsReader
from receiver.store.skipped_values import SkippedValues
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Writer
from receiver.supervision import Supervisor
from receiver.trust.key_set import KeySet
from receiver.web import representation
from receiver.web.auth.authorizer import Authorizer
from receiver.web.middleware.request_context import time_left
from receiver.web.openapi import ANYBODY, Answer, describe
from receiver.web.openapi.response_schemas import LifeSchema, ReadinessSchema

_UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one part: a state in fixed words, and the details for requests with a key."""

    state: str
    detail: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the part works, if only just."""
        return self.state.startswith("ok")


_OK: Final = Check("ok")


def make_health(
    store_client: StoreClient,
    writer: Writer,
    keys: KeySet,
    spool: Spool | None,
    authorizer: Authorizer,
    *,
    supervisor: Supervisor,
    skipped: SkippedValues,
    callback_is_set: bool,
    queries_are_set: bool,
) -> Blueprint:
    """Make the routes of health.

    Args:
        store_client: asked how the store is set up.
        writer: asked whether the store takes writes.
        keys: asked whether there are signing keys.
        spool: takes notifications while the store does not; None where there is none.
        authorizer: finds out whether a request has a key, and so gets the details.
        supervisor: asked whether the background loops work.
        skipped: asked what could not be read.
        callback_is_set: an app id is set, so Graph can be received.
        queries_are_set: an API key is set, so somebody may ask.
    """
    blueprint = Blueprint("health", __name__)
    facts_reader = ServerFactsReader(store_client)

    @blueprint.get("/livez")
    @describe(ANYBODY, {200: Answer("The process is alive.", LifeSchema)})
    def alive() -> Response:
        """Get whether this process is alive.

        Never asks the store: platforms restart what fails here.
        """
        return representation.answer({"status": "alive"})

    @blueprint.get("/readyz")
    @describe(
        ANYBODY,
        {
            200: Answer("It can take notifications.", ReadinessSchema),
            503: Answer("It can't; `checks` says why, in detail to those with an API key.", ReadinessSchema),
        },
    )
    def ready() -> Response:
        """Get whether notifications can be accepted now.

        With any API key of this receiver, `checks` has the details: what is wrong, where, and since when.
        """
        status = spool.status() if spool else None
        checks = {
            "store": _store(facts_reader, writer),
            "spool": _spool(status),
            "signingKeys": _signing_keys(keys),
            "loops": _loops(supervisor),
            "records": _records(skipped),
            "callback": _OK if callback_is_set else Check("closed: set RECEIVER_APP_IDS"),
            "queries": _OK
            if queries_are_set
            else Check("closed: set RECEIVER_API_KEYS (`receiver keys` makes one)"),
        }
        good = {name for name, check in checks.items() if check.is_good}
        # Whether Graph's notifications are taken. A closed query side is a choice.
        is_ready = good >= {"signingKeys", "callback", "loops"} and bool(good & {"store", "spool"})
        document = {
            "status": "ready" if is_ready else "not ready",
            "checks": _shown(checks, in_detail=authorizer.has_key()),
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


def _shown(checks: dict[str, Check], *, in_detail: bool) -> dict[str, str]:
    return {name: (in_detail and check.detail) or check.state for name, check in checks.items()}


def _store(facts_reader: ServerFactsReader, writer: Writer) -> Check:
    try:
        writer.probe(within=time_left())
        condition = facts_reader.read(within=time_left())
    except StoreUnavailableError as error:
        return Check("unavailable", error.detail)
    if condition is None:
        state = "ok, but its user may not run INFO"
        return Check(state, f"{state}: whether it may evict results is unknown")
    if condition.may_evict:
        policy = f"({condition.eviction}): set it to noeviction"
        return Check("ok, but it may evict results", f"ok, but it may evict results when it is full {policy}")
    return _OK


def _spool(status: SpoolStatus | None) -> Check:
    if status is None:
        return Check("off: set RECEIVER_SPOOL")
    if status.error:
        return Check("unavailable", status.error)
    if status.waiting:
        waiting = f"{status.waiting} waiting for the store, the oldest for {status.age:.0f} s"
        return Check("ok", f"ok: {waiting}")
    return Check("ok", f"ok, but {status.dead} could not be merged" if status.dead else "")


def _signing_keys(keys: KeySet) -> Check:
    status = keys.status()
    if not status.keys:
        return Check("none", f"none: {status.error or 'not fetched yet'}")
    if status.error:
        kept = f"ok: {status.keys} kept from {status.age:.0f} s ago, since then: {status.error}"
        return Check("ok, but could not be fetched again", kept)
    return _OK


def _loops(supervisor: Supervisor) -> Check:
    problems = sorted(supervisor.problems.items())
    if not problems:
        return _OK
    details = " ".join(f"{name}: {problem}" for name, problem in problems)
    return Check(
        f"failing: {', '.join(name for name, _ in problems)}",
        f"Background loops do not work. {details} See the log; if it stays so, restart the receiver.",
    )


def _records(skipped: SkippedValues) -> Check:
    counts = skipped.counts
    if not counts:
        return _OK
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(counts.items()))
    return Check(
        "ok, but some stored values could not be read",
        f"ok, but stored values could not be read and were skipped: {kinds}. "
        "Another version may have written them; see the log.",
    )
