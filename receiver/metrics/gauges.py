"""Gauges: values read from a worker's components, every few seconds and at each scrape of that worker."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Gauge

from receiver.supervision import Loop, Supervisor

PERIOD: Final = 10.0
"""Seconds between two readings, and so the greatest age of other workers' values in a scrape."""

Aggregation = Literal["livesum", "livemax", "livemin"]
"""How the values of the live workers are combined into one (prometheus_client's names)."""


@dataclass(frozen=True, slots=True)
class GaugeSource:
    """A gauge and the function that returns its value.

    Args:
        name: the metric's name, without `receiver_`.
        text: the metric's HELP.
        aggregation: how the values of several workers are combined.
        read: returns the value, quickly and without blocking.
        labels: the labels of the series.
    """

    name: str
    text: str
    aggregation: Aggregation
    read: Callable[[], float]
    labels: tuple[tuple[str, str], ...] = ()


class Gauges:
    """The gauges of one process.

    Args:
        registry: exports the series.
        sources: those with the same name differ in their label values only.
    """

    def __init__(self, registry: CollectorRegistry, sources: tuple[GaugeSource, ...]) -> None:
        gauges: dict[str, Gauge] = {}
        self._children: list[tuple[Gauge, GaugeSource]] = []
        for source in sources:
            labels = dict(source.labels)
            if source.name not in gauges:
                gauges[source.name] = Gauge(
                    f"receiver_{source.name}",
                    source.text,
                    list(labels),
                    registry=registry,
                    multiprocess_mode=source.aggregation,
                )
            gauge = gauges[source.name]
            self._children.append((gauge.labels(**labels) if labels else gauge, source))

    def sample(self) -> None:
        """Set every gauge to the current value of its source."""
        for gauge, source in self._children:
            gauge.set(source.read())


def run_periodically(supervisor: Supervisor, *tasks: Callable[[], None]) -> None:
    """Run quick tasks now, and then every `PERIOD` seconds in a supervised thread until the process ends."""

    def repeat(loop: Loop) -> None:
        while True:
            time.sleep(PERIOD)
            for task in tasks:
                task()
            loop.progress()

    for task in tasks:
        task()
    supervisor.start("metrics", repeat)
