"""Meters: told what happens, they count it; on the way of every notification, so each costs a microsecond or two.

Looking for a label's child takes longer than counting, so children are kept. Values of labels come from closed sets:
what a stranger sends makes no new series.
"""

from collections.abc import Callable, Sequence
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric

from receiver.errors import MissingTokenError, ReceiverError, TenantNotAllowedError
from receiver.graph.schemas import OPERATION_SCHEMAS
from receiver.graph.updates import (
    CallUpdate,
    ChangeNotification,
    OperationUpdate,
    ParticipantNotification,
    RosterDelta,
    RosterUpdate,
    Unreadable,
)
from receiver.metrics.slow_answers import SLOW, VERY_SLOW, Answers
from receiver.store.skipped_values import KINDS, Kind
from receiver.store.writer import Item
from receiver.trust.callback_tokens import Reason, RefusedTokenError

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, SLOW, 5.0, VERY_SLOW)
_ITEMS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_ANSWERS: Final = "receiver_callback_answer_seconds"
_REFUSED: Final = "refused"
_SHOWN_FROM_THE_BEGINNING: Final = ("store-unavailable", "overloaded", "keys-unavailable", "too-many-waiting")
"""Problems that alerts look for: a rate misses what brings a series into being."""

LOOPS: Final = (
    "admission",
    "feed-closer",
    "feed-reader",
    "metrics",
    "overdue-watcher",
    "refusals",
    "signing-keys",
    "spool-drainer",
    "spool-writer",
    "store-reads",
    "store-writes",
)
"""The background loops of a process by name; each has a series from the beginning."""


class Counters:
    """Counts what happens.

    Args:
        registry: where the counts are to be found.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._notifications = Counter(
            "receiver_notifications",
            "Items of notifications by type, what became of them, and why they could not be read.",
            ["type", "result", "reason"],
            registry=registry,
        )
        self._counted: dict[tuple[str, str, str], Counter] = {}
        answers = Histogram(
            _ANSWERS,
            "From the headers of a POST to /callback to its answer: accepted, refused as the sender's fault, failed.",
            ["outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._accepted, self._refused, self._failed = map(answers.labels, ("accepted", _REFUSED, "failed"))
        self._refusals = Counter(
            "receiver_refusals",
            "Requests answered with a problem, by its type.",
            ["problem"],
            registry=registry,
        )
        self._token_failures = Counter(
            "receiver_token_failures",
            "POSTs to /callback whose token was not believed, by reason.",
            ["reason"],
            registry=registry,
        )
        self._loop_failures = Counter(
            "receiver_loop_failures",
            "Unexpected errors of background loops, by loop; each is logged, and the loop runs again.",
            ["loop"],
            registry=registry,
        )
        self._skipped = Counter(
            "receiver_records_skipped",
            "Stored values that this version cannot read, by kind; readers pass over them.",
            ["kind"],
            registry=registry,
        )
        for kind in KINDS:
            self._skipped.labels(kind)
        for loop in LOOPS:
            self._loop_failures.labels(loop)
        for problem in _SHOWN_FROM_THE_BEGINNING:
            self._refusals.labels(problem)
        for reason in (*get_args(Reason), MissingTokenError.type, TenantNotAllowedError.type):
            self._token_failures.labels(reason)
        self._round_trips = Histogram(
            "receiver_store_round_trip_seconds",
            "Round trips to the store, further tries included.",
            ["way"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batches = Histogram(
            "receiver_store_batch_items",
            "Items that shared a round trip to the store.",
            ["way"],
            buckets=_ITEMS,
            registry=registry,
        )

    def loop_failed(self, loop: str) -> None:
        """Count an unexpected error of a background loop."""
        self._loop_failures.labels(loop).inc()

    def skipped(self, kind: Kind, number: int) -> None:
        """Count stored values that were skipped."""
        self._skipped.labels(kind).inc(number)

    def kept(self, items: Sequence[Item], outcomes: Sequence[str]) -> None:
        """Count items of a notification, with what became of each."""
        for item, outcome in zip(items, outcomes, strict=True):
            key = _kind(item), outcome, _reason(item)
            child = self._counted.get(key)
            if child is None:
                child = self._counted[key] = self._notifications.labels(*key)
            child.inc()

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer to a POST to /callback."""
        if status < 400:  # noqa: PLR2004
            self._accepted.observe(seconds)
        elif status < 500:  # noqa: PLR2004
            self._refused.observe(seconds)
        else:
            self._failed.observe(seconds)

    def refused(self, error: type[ReceiverError], reason: Reason | None) -> None:
        """Count a problem, and why a token was not believed, if that was it."""
        self._refusals.labels(error.type).inc()
        if issubclass(error, RefusedTokenError | MissingTokenError | TenantNotAllowedError):
            self._token_failures.labels(reason or error.type).inc()

    def round_trip(self, way: str) -> Callable[[int, float], None]:
        """Return what counts the round trips of one way to the store: it is told the items and the seconds."""
        seconds, items = self._round_trips.labels(way), self._batches.labels(way)

        def count(number: int, took: float) -> None:
            seconds.observe(took)
            items.observe(number)

        return count


def answers_in(metrics: Sequence[Metric]) -> Answers:
    """Add up the answers that metrics tell of, without those that were the sender's fault.

    Anybody can have any number of those, quickly; Graph gets none.
    """
    count, within, within_more = 0.0, 0.0, 0.0
    for sample in (sample for metric in metrics if metric.name == _ANSWERS for sample in metric.samples):
        if sample.labels["outcome"] == _REFUSED:
            continue
        if sample.name.endswith("_count"):
            count += sample.value
        elif sample.labels.get("le") == str(SLOW):
            within += sample.value
        elif sample.labels.get("le") == str(VERY_SLOW):
            within_more += sample.value
    return Answers(round(count), round(count - within), round(count - within_more))


def _kind(item: Item) -> str:
    match item:
        case OperationUpdate():
            return item.type if item.type in OPERATION_SCHEMAS else "other"
        case CallUpdate():
            return "call"
        case RosterUpdate() | RosterDelta():
            return "roster"
        case ParticipantNotification():
            return "participant"
        case ChangeNotification():
            return "change"
        case Unreadable():
            return "unreadable"


def _reason(item: Item) -> str:
    """Say why an item can't be read, without naming its members: there are too many ways to be wrong."""
    if not isinstance(item, Unreadable):
        return ""
    return "a member is not of its type" if ": " in item.reason else item.reason
