"""All metrics of one worker: meters, gauges, the pace, and how they are told."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.core import GaugeMetricFamily

from receiver import __version__
from receiver.metrics.counters import Counters, answers_in
from receiver.metrics.exposition import Exposition
from receiver.metrics.gauges import Gauges, Reading, every_so_often
from receiver.metrics.metrics_folder import reserve
from receiver.metrics.slow_answers import SLOW, VERY_SLOW, Answers, SlowAnswers
from receiver.supervision import Supervisor

_log: Final = structlog.get_logger("receiver.metrics")


class Metrics:
    """What is measured here. Make it after the process has forked.

    Args:
        folder: where all workers of this server keep their metrics; None: there is only this process. One that
            finds no room there counts for itself.
        instance: the name of this server among others.
    """

    def __init__(self, folder: Path | None, instance: str | None) -> None:
        process_id = os.getpid()  # asked once, not for every number that is counted
        if folder and not _has_room(folder, process_id):
            folder = None
            values.ValueClass = values.MutexValue
        elif folder:
            values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
                process_identifier=lambda: process_id
            )
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


def _has_room(folder: Path, process_id: int) -> bool:
    try:
        reserve(folder, process_id)
    except OSError as error:
        _log.error("no room for metrics: /metrics tells those of one worker at a time", reason=str(error))
        return False
    return True
