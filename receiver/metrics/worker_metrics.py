"""All metrics of one worker: counters, gauges, the share of slow responses, and their exposition."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily

from receiver import __version__
from receiver.metrics.counters import Counters, sum_answers
from receiver.metrics.exposition import Exposition
from receiver.metrics.gauges import Gauges, GaugeSource, run_periodically
from receiver.metrics.slow_answers import SLOW, VERY_SLOW, AnswerCounts, SlowAnswers
from receiver.supervision import Supervisor


class Metrics:
    """The metrics of a worker. Create it after the process has forked.

    Args:
        folder: the folder of all workers' metrics, with this worker's files reserved; None: this process exports
            only its own.
        instance: the value of the label `instance`; None for no such label.
    """

    def __init__(self, folder: Path | None, instance: str | None) -> None:
        self._registry: Final = CollectorRegistry()
        self._exposition = Exposition(self._registry, folder, instance)
        self.counters: Final = Counters(self._registry)
        self._slow_answers = SlowAnswers(lambda: sum_answers(self._exposition.histograms()))
        self._gauges = Gauges(self._registry, ())

    def start(self, supervisor: Supervisor, *sources: GaugeSource) -> None:
        """Start to sample gauges and slow responses in the background. Call it once, after the process has forked."""
        self._gauges = Gauges(self._registry, sources)
        run_periodically(supervisor, self._gauges.sample, self._slow_answers.tick)

    @property
    def recent_answers(self) -> AnswerCounts:
        """The responses to Graph in the last ten minutes."""
        return self._slow_answers.recent

    def text(self) -> bytes:
        """Write all metrics in Prometheus's text format."""
        self._gauges.sample()
        self._slow_answers.tick()
        return self._exposition.text(self._computed())

    def _computed(self) -> Iterator[Metric]:
        recent = self.recent_answers
        shares = GaugeMetricFamily(
            "receiver_slow_answers_ratio",
            "Share of responses to Graph in the last ten minutes over this many seconds; limits 0.10, 0.15.",
            labels=["over"],
        )
        shares.add_metric([str(SLOW)], recent.slow_share)
        shares.add_metric([f"{VERY_SLOW:g}"], recent.very_slow_share)
        yield shares
        version = GaugeMetricFamily(
            "receiver_build_info", "The version of this receiver.", labels=["version"]
        )
        version.add_metric([__version__], 1)
        yield version
