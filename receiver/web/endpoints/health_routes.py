"""`/livez` and `/readyz`: whether this process is alive, and whether it can accept notifications.

Both need no key, so an anonymous response has only fixed words: no path, host name or text of an error. A request with
an API key gets the details.
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
from receiver.web.openapi import PUBLIC, Answer, describe
from receiver.web.openapi.response_schemas import LifeSchema, ReadinessSchema

_UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one component: a state in fixed words, and the details for requests with a key."""

    state: str
    detail: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the component works, perhaps with a warning."""
        return self.state.startswith("ok")


_OK: Final = Check("ok")


class HealthRoutes:
    """The routes of health.

    Args:
        store_client: asked for the store's configuration.
        writer: probed for whether the store accepts writes.
        keys: asked for the signing keys.
        spool: stores notifications while the store is unavailable; None without one.
        authorizer: finds out whether a request has an API key, and so gets the details.
        supervisor: asked whether the background loops work.
        skipped: asked for the stored values that could not be read.
        callback_is_set: an app id is set, so notifications of Graph can be accepted.
        queries_are_set: an API key is set, so clients can read.
    """

    def __init__(
        self,
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
    ) -> None:
        self._facts_reader = ServerFactsReader(store_client)
        self._writer = writer
        self._keys = keys
        self._spool = spool
        self._authorizer = authorizer
        self._supervisor = supervisor
        self._skipped = skipped
        self._callback = _OK if callback_is_set else Check("closed: set RECEIVER_APP_IDS")
        self._queries = (
            _OK if queries_are_set else Check("closed: set RECEIVER_API_KEYS (`receiver keys` makes one)")
        )

    def blueprint(self) -> Blueprint:
        """Return the blueprint with these routes."""
        blueprint = Blueprint("health", __name__)
        blueprint.get("/livez")(self.get_liveness)
        blueprint.get("/readyz")(self.get_readiness)
        return blueprint

    @describe(PUBLIC, {200: Answer("The process is alive.", LifeSchema)})
    def get_liveness(self) -> Response:
        """Get whether this process is alive.

        It never asks the store: platforms restart a process that fails here.
        """
        return representation.json_response({"status": "alive"})

    @describe(
        PUBLIC,
        {
            200: Answer("The receiver can accept notifications.", ReadinessSchema),
            503: Answer("It cannot; `checks` has the reason, with an API key in detail.", ReadinessSchema),
        },
    )
    def get_readiness(self) -> Response:
        """Get whether notifications can be accepted now.

        With any API key of this receiver, `checks` has the details: what is wrong, where, and since when.
        """
        status = self._spool.status() if self._spool else None
        checks = self._check(status)
        is_ready = _is_ready(checks)
        document = {
            "status": "ready" if is_ready else "not ready",
            "checks": _shown(checks, in_detail=self._authorizer.has_key()),
            "spool": _spool_members(status) if status else None,
        }
        return representation.json_response(document, 200 if is_ready else _UNAVAILABLE)

    def _check(self, status: SpoolStatus | None) -> dict[str, Check]:
        return {
            "store": self._check_store(),
            "spool": _check_spool(status),
            "signingKeys": _check_signing_keys(self._keys),
            "loops": _check_loops(self._supervisor),
            "records": _check_records(self._skipped),
            "callback": self._callback,
            "queries": self._queries,
        }

    def _check_store(self) -> Check:
        try:
            self._writer.probe(within=time_left())
            facts = self._facts_reader.read(within=time_left())
        except StoreUnavailableError as error:
            return Check("unavailable", error.detail)
        if facts is None:
            state = "ok, but its user may not run INFO"
            return Check(state, f"{state}: whether it may evict results is unknown")
        if facts.may_evict:
            policy = f"({facts.eviction}): set it to noeviction"
            return Check(
                "ok, but it may evict results", f"ok, but it may evict results when it is full {policy}"
            )
        return _OK


def _is_ready(checks: dict[str, Check]) -> bool:
    """Return whether notifications are accepted. That no client can read is a choice, and does not count."""
    good = {name for name, check in checks.items() if check.is_good}
    return good >= {"signingKeys", "callback", "loops"} and bool(good & {"store", "spool"})


def _shown(checks: dict[str, Check], *, in_detail: bool) -> dict[str, str]:
    return {name: (in_detail and check.detail) or check.state for name, check in checks.items()}


def _spool_members(status: SpoolStatus) -> dict[str, int | None]:
    return {
        "waiting": status.waiting,
        "oldestSeconds": None if status.age is None else round(status.age),
        "dead": status.dead,
        "bytes": status.size,
    }


def _check_spool(status: SpoolStatus | None) -> Check:
    if status is None:
        return Check("off: set RECEIVER_SPOOL")
    if status.error:
        return Check("unavailable", status.error)
    if status.waiting:
        waiting = f"{status.waiting} waiting for the store, the oldest for {status.age:.0f} s"
        return Check("ok", f"ok: {waiting}")
    return Check("ok", f"ok, but {status.dead} could not be merged" if status.dead else "")


def _check_signing_keys(keys: KeySet) -> Check:
    status = keys.status()
    if not status.keys:
        return Check("none", f"none: {status.error or 'not fetched yet'}")
    if status.error:
        fetched = f"{status.keys} keys, fetched {status.age:.0f} s ago"
        return Check("ok, but could not be fetched again", f"ok: {fetched}; since then: {status.error}")
    return _OK


def _check_loops(supervisor: Supervisor) -> Check:
    problems = sorted(supervisor.problems.items())
    if not problems:
        return _OK
    details = " ".join(f"{name}: {problem}" for name, problem in problems)
    return Check(
        f"failing: {', '.join(name for name, _ in problems)}",
        f"Background loops do not work. {details} See the log; restart the receiver if they do not recover.",
    )


def _check_records(skipped: SkippedValues) -> Check:
    counts = skipped.counts
    if not counts:
        return _OK
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(counts.items()))
    return Check(
        "ok, but some stored values could not be read",
        f"ok, but stored values could not be read and were skipped: {kinds}. "
        "Another version may have written them; see the log.",
    )
