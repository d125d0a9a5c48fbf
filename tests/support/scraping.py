"""Scrape the metrics of a receiver, as Prometheus does."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.service import Service

ALONE = {"Connection": "close"}
"""Headers of a connection for one request, so that the next may reach another worker."""


@dataclass(frozen=True)
class Scrape:
    """One response of /metrics."""

    text: str

    @property
    def families(self) -> dict[str, Metric]:
        return {family.name: family for family in text_string_to_metric_families(self.text)}

    @property
    def names(self) -> set[str]:
        """Names of all series."""
        return {sample.name for family in self.families.values() for sample in family.samples}

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the series of this name that have these labels, among others."""
        return sum(
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def scrape(service: Service) -> Scrape:
    """Return what one worker exports."""
    answer = service.get("/metrics", headers=ALONE)
    assert answer.status == 200
    return Scrape(answer.body.decode())


def scrape_until(service: Service, is_right: Callable[[Scrape], bool], seconds: float = 25) -> Scrape:
    """Scrape until a condition holds: the gauges of other workers come up to 10 s late."""
    deadline = time.monotonic() + seconds
    while not is_right(found := scrape(service)):
        assert time.monotonic() < deadline, found.text
        time.sleep(0.1)
    return found
