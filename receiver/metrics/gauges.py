"""Gauges: what is so at present. Each worker asks its parts every few seconds, and writes down what they say."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Gauge

from receiver.supervision import Loop, Supervisor

PERIOD: Final = 10.0
"""Seconds between two looks; so old may be what is told of the other workers."""

Together = Literal["livesum", "livemax", "livemin"]
"""How the values of the workers that are alive come to one (prometheus_client's names)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Something that can be read at any time.

    Args:
        name: of the metric, without `receiver_`.
        text: what it is.
        together: how the values of several workers come to one.
        read: tells it, quickly and without waiting for anybody.
        labels: of the series.
    """

    name: str
    text: str
    together: Together
    read: Callable[[], float]
    labels: tuple[tuple[str, str], ...] = ()


class Gauges:
    """Writes readings down.

    Args:
        registry: where they are to be found.
        readings: those with one name differ in the values of their labels only.
    """

    def __init__(self, registry: CollectorRegistry, readings: tuple[Reading, ...]) -> None:
        made: dict[str, Gauge] = {}
        self._children: list[tuple[Gauge, Reading]] = []
        for reading in readings:
            labels = dict(reading.labels)
            if reading.name not in made:
                made[reading.name] = Gauge(
                    f"receiver_{reading.name}",
                    reading.text,
                    list(labels),
                    registry=registry,
                    multiprocess_mode=reading.together,
                )
            gauge = made[reading.name]
            self._children.append((gauge.labels(**labels) if labels else gauge, reading))

    def sample(self) -> None:
        """Read everything now."""
        for gauge, reading in self._children:
            gauge.set(reading.read())


def every_so_often(supervisor: Supervisor, *tasks: Callable[[], None]) -> None:
    """Do some quick tasks now and then every few seconds, in a thread of their own, as long as the process lives."""

    def repeat(loop: Loop) -> None:
        while True:
            time.sleep(PERIOD)
            for task in tasks:
                task()
            loop.progress()

    for task in tasks:
        task()
    supervisor.start("metrics", repeat)
