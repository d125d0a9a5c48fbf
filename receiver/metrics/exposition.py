"""Telling metrics: those of all workers together, each series with the name of this instance."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

UNKNOWN: Final = -math.inf
"""The value of a gauge that a worker cannot read now. Among those of several workers any other one is the greatest, and
where none can be read, the series is left out: 0 would say that all is well."""


class Exposition:
    """What has been measured.

    Args:
        registry: the metrics of this process.
        folder: where all workers keep theirs; None: there is only this process.
        instance: its name among others behind the same address, which scrapes reach at random.
    """

    def __init__(self, registry: CollectorRegistry, folder: Path | None, instance: str | None) -> None:
        self._registry = registry
        self._folder = folder
        self._labels = {"instance": instance} if instance else {}

    def histograms(self) -> list[Metric]:
        """Return the histograms of all workers, those that have ended included."""
        return [metric for metric in self._collect("histogram_*.db") if metric.type == "histogram"]

    def text(self, others: Iterable[Metric] = ()) -> bytes:
        """Write all metrics in the format 0.0.4 of Prometheus.

        Args:
            others: what is told beside what has been measured.
        """
        metrics = sorted([*self._collect("*.db"), *others], key=lambda metric: metric.name)
        registry = CollectorRegistry()
        registry.register(_Given([self._labelled(metric) for metric in metrics]))
        return generate_latest(registry)

    def _collect(self, files: str) -> Iterable[Metric]:
        if self._folder is None:
            return self._registry.collect()
        paths = [str(path) for path in self._folder.glob(files) if _holds_something(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
        return merged

    def _labelled(self, metric: Metric) -> Metric:
        told = Metric(metric.name, metric.documentation, metric.type)
        told.samples = [
            sample._replace(labels={**sample.labels, **self._labels})
            for sample in metric.samples
            if sample.value != UNKNOWN
        ]
        return told


def _holds_something(file: Path) -> bool:
    """Tell whether a worker's file is there: not just about to be made, or dropped with its worker."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


class _Given(Collector):
    """Metrics that have been collected already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics

    def describe(self) -> list[Metric]:
        """Name nothing beforehand."""
        return []
