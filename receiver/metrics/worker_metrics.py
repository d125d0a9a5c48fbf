"""All metrics of one worker: meters, gauges, the pace, and how they are told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily

from receiver import __version__
from receiver.metrics.counters import Counters, answers_in
from receiver.metrics.exposition import Exposition
from receiver.metrics.gauges import Gauges, Reading, every_so_often
from receiver.metrics.slow_answers import SLOW, VERY_SLOW, Answers, SlowAnswers
from receiver.supervision import Supervisor


class Metrics:
    """What is measured here. Make it after the process has forked.

    Args:
        folder: where all workers of this server keep their metrics, with room for those of this one; None: this
            process counts for itself alone.
        instance: the name of this server among others.
    """

    def __init__(self, folder: Path | None, instance: str | None) -> None:
        self._registry: Final = CollectorRegistry()
        self._exposition = Exposition(self._registry, folder, instance)
        self.counters: Final = Counters(self._registry)
        self._slow_answers = SlowAnswers(lambda: answers_in(self._exposition.histograms()))
        self._gauges = Gauges(self._registry, ())

    def start(self, supervisor: Supervisor, *readings: Reading) -> None:
        """Begin to look at gauges and at the pace, in the background. Call it once, after the process has forked."""
        self._gauges = Gauges(self._registry, readings)
        every_so_often(supervisor, self._gauges.sample, self._slow_answers.tick)

    @property
    def recent_answers(self) -> Answers:
        """How fast Graph was answered in the last ten minutes."""
        return self._slow_answers.recent

    def text(self) -> bytes:
        """Write everything in the format of Prometheus."""
        self._gauges.sample()
        self._slow_answers.tick()
        return self._exposition.text(self._told_beside())

    def _told_beside(self) -> Iterator[Metric]:
        recent = self.recent_answers
        shares = GaugeMetricFamily(
            "receiver_slow_answers_ratio",
            "The share of answers to Graph, in the last ten minutes, that took more than so many seconds.",
            labels=["over"],
        )
        shares.add_metric([str(SLOW)], recent.slow_share)
        shares.add_metric([f"{VERY_SLOW:g}"], recent.very_slow_share)
        yield shares
        version = GaugeMetricFamily("receiver_build_info", "The version that runs.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
