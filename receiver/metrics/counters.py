"""Counters and histograms of one worker; each update takes one or two microseconds on every notification's path.

Looking up a label's child takes longer than counting, so the children are cached. Label values come from closed sets:
an unauthenticated sender cannot create a new series.
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
from receiver.metrics.slow_answers import SLOW, VERY_SLOW, AnswerCounts
from receiver.store.skipped_values import KINDS, Kind
from receiver.store.writer import Item
from receiver.trust.callback_tokens import Reason, RefusedTokenError

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, SLOW, 5.0, VERY_SLOW)
_ITEMS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_ANSWERS: Final = "receiver_callback_answer_seconds"
_REFUSED: Final = "refused"
_EXPORTED_AT_START: Final = ("store-unavailable", "overloaded", "keys-unavailable", "too-many-waiting")
"""Problems that alerts watch. Their series start at 0, since `rate` misses the increment that creates a series."""

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
"""Names of a process's background loops. The failure counter of each starts at 0."""


class Counters:
    """The counters and histograms of one process.

    Args:
        registry: exports the series.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._notifications = Counter(
            "receiver_notifications",
            "Notification items by type and outcome; `reason` is why an item was quarantined (GET /quarantine).",
            ["type", "result", "reason"],
            registry=registry,
        )
        self._counted: dict[tuple[str, str, str], Counter] = {}
        answers = Histogram(
            _ANSWERS,
            "Seconds from the headers of a POST to /callback to its response; failed: 5xx, refused: sender's fault.",
            ["outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._accepted, self._refused, self._failed = map(answers.labels, ("accepted", _REFUSED, "failed"))
        self._refusals = Counter(
            "receiver_refusals",
            "Requests answered with an error, by problem type.",
            ["problem"],
            registry=registry,
        )
        self._token_failures = Counter(
            "receiver_token_failures",
            "POSTs to /callback whose token was rejected, by reason; check RECEIVER_APP_IDS and the clock.",
            ["reason"],
            registry=registry,
        )
        self._loop_failures = Counter(
            "receiver_loop_failures",
            "Unexpected errors of background loops, by loop; the loop restarts, the log has the traceback.",
            ["loop"],
            registry=registry,
        )
        self._skipped = Counter(
            "receiver_records_skipped",
            "Stored values that this version cannot read and therefore skips, by kind; the log names each.",
            ["kind"],
            registry=registry,
        )
        for kind in KINDS:
            self._skipped.labels(kind)
        for loop in LOOPS:
            self._loop_failures.labels(loop)
        for problem in _EXPORTED_AT_START:
            self._refusals.labels(problem)
        for reason in (*get_args(Reason), MissingTokenError.type, TenantNotAllowedError.type):
            self._token_failures.labels(reason)
        self._round_trips = Histogram(
            "receiver_store_round_trip_seconds",
            "Seconds of one round trip to the store, retries included.",
            ["way"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batches = Histogram(
            "receiver_store_batch_items",
            "Items that shared one round trip to the store.",
            ["way"],
            buckets=_ITEMS,
            registry=registry,
        )

    def count_loop_failure(self, loop: str) -> None:
        """Count an unexpected error of a background loop."""
        self._loop_failures.labels(loop).inc()

    def count_skipped(self, kind: Kind, number: int) -> None:
        """Count stored values that could not be read and were skipped."""
        self._skipped.labels(kind).inc(number)

    def count_items(self, items: Sequence[Item], outcomes: Sequence[str]) -> None:
        """Count the items of a notification by type, outcome and reason."""
        for item, outcome in zip(items, outcomes, strict=True):
            key = _kind(item), outcome, _reason(item)
            child = self._counted.get(key)
            if child is None:
                child = self._counted[key] = self._notifications.labels(*key)
            child.inc()

    def count_response(self, status: int, seconds: float) -> None:
        """Count the response to a POST to /callback and observe its duration."""
        if status < 400:  # noqa: PLR2004
            self._accepted.observe(seconds)
        elif status < 500:  # noqa: PLR2004
            self._refused.observe(seconds)
        else:
            self._failed.observe(seconds)

    def count_refusal(self, error: type[ReceiverError], reason: Reason | None) -> None:
        """Count a problem response and, where the token was rejected, the reason."""
        self._refusals.labels(error.type).inc()
        if issubclass(error, RefusedTokenError | MissingTokenError | TenantNotAllowedError):
            self._token_failures.labels(reason or error.type).inc()

    def round_trip_observer(self, way: str) -> Callable[[int, float], None]:
        """Return a function that observes one round trip: its number of items and its seconds."""
        seconds, items = self._round_trips.labels(way), self._batches.labels(way)

        def observe(number: int, took: float) -> None:
            seconds.observe(took)
            items.observe(number)

        return observe


def sum_answers(metrics: Sequence[Metric]) -> AnswerCounts:
    """Add up the callback responses in metrics, without those refused as the sender's fault.

    Any client can cause any number of those, quickly; Graph receives none, so they would hide slow responses.
    """
    count, within_slow, within_very_slow = 0.0, 0.0, 0.0
    for sample in (sample for metric in metrics if metric.name == _ANSWERS for sample in metric.samples):
        if sample.labels["outcome"] == _REFUSED:
            continue
        if sample.name.endswith("_count"):
            count += sample.value
        elif sample.labels.get("le") == str(SLOW):
            within_slow += sample.value
        elif sample.labels.get("le") == str(VERY_SLOW):
            within_very_slow += sample.value
    return AnswerCounts(round(count), round(count - within_slow), round(count - within_very_slow))


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
    """Return why an item can't be parsed, without its members' names: those would make too many label values."""
    if not isinstance(item, Unreadable):
        return ""
    return "a member is not of its type" if ": " in item.reason else item.reason
