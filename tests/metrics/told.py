"""Metrics as Prometheus would read them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.service import Service

ALONE = {"Connection": "close"}
"""Each request may then reach another worker."""


@dataclass(frozen=True)
class Told:
    """One answer of /metrics."""

    text: str

    @property
    def families(self) -> dict[str, Metric]:
        return {family.name: family for family in text_string_to_metric_families(self.text)}

    @property
    def names(self) -> set[str]:
        """The names of all series."""
        return {sample.name for family in self.families.values() for sample in family.samples}

    def value(self, name: str, **labels: str) -> float:
        """Add up the series of a name that have these labels, among others."""
        return sum(
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def told(service: Service) -> Told:
    answer = service.get("/metrics", headers=ALONE)
    assert answer.status == 200
    return Told(answer.body.decode())


def told_until(service: Service, is_right: Callable[[Told], bool], seconds: float = 25) -> Told:
    """Ask until it is right: of other workers' gauges one learns late."""
    deadline = time.monotonic() + seconds
    while not is_right(found := told(service)):
        assert time.monotonic() < deadline, found.text
        time.sleep(0.1)
    return found
