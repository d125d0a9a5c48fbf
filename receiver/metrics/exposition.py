"""Prometheus exposition of the metrics of all workers, each series labelled with the name of this instance."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

UNKNOWN: Final = -math.inf
"""The value of a gauge that a worker cannot read now.

A `livemax` gauge then shows another worker's value. Where no worker can read it, the series is left out: 0 would look
healthy.
"""


class Exposition:
    """Merges and writes the metrics of all workers.

    Args:
        registry: the metrics of this process.
        folder: holds the metric files of all workers; None: there is only this process.
        instance: the value of the label `instance`; scrapes reach the instances behind one address at random.
    """

    def __init__(self, registry: CollectorRegistry, folder: Path | None, instance: str | None) -> None:
        self._registry = registry
        self._folder = folder
        self._labels = {"instance": instance} if instance else {}

    def histograms(self) -> list[Metric]:
        """Return the histograms of all workers, ended ones included."""
        return [metric for metric in self._collect("histogram_*.db") if metric.type == "histogram"]

    def text(self, computed: Iterable[Metric] = ()) -> bytes:
        """Write all metrics in Prometheus's text format 0.0.4.

        Args:
            computed: further metrics, which are in no registry.
        """
        metrics = sorted([*self._collect("*.db"), *computed], key=lambda metric: metric.name)
        registry = CollectorRegistry()
        registry.register(_Collected([self._labelled(metric) for metric in metrics]))
        return generate_latest(registry)

    def _collect(self, files: str) -> Iterable[Metric]:
        if self._folder is None:
            return self._registry.collect()
        paths = [str(path) for path in self._folder.glob(files) if _is_in_use(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
        return merged

    def _labelled(self, metric: Metric) -> Metric:
        labelled = Metric(metric.name, metric.documentation, metric.type)
        labelled.samples = [
            sample._replace(labels={**sample.labels, **self._labels})
            for sample in metric.samples
            if sample.value != UNKNOWN
        ]
        return labelled


def _is_in_use(file: Path) -> bool:
    """Return whether a worker's file has content: not one being created, or removed with its worker."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


class _Collected(Collector):
    """A collector of metrics that have been collected already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics

    def describe(self) -> list[Metric]:
        """Return no metric names in advance."""
        return []
