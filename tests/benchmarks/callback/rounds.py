"""The entrants of a load, and the rounds in which they run one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.benchmarks.callback.cpu_usage import Clock, Used
from tests.benchmarks.callback.load import Load
from tests.benchmarks.callback.servers import FLOOR, Kind, Server
from tests.benchmarks.callback.setting import Site
from tests.benchmarks.callback.wrk import Counted

_CALM: Final = 0.04
_TRIES: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A server that takes part, and where it runs."""

    kind: Kind
    server: Server
    site: Site


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one round."""

    counted: Counted
    used: Used

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return self.counted.answered / self.counted.seconds


Rounds: TypeAlias = Mapping[Entrant, Sequence[Outcome]]


def run_rounds(load: Load, entrants: Sequence[Entrant], *, seconds: int, rounds: int) -> Rounds:
    """Let every entrant have a turn in every round, in every other round in reverse order.

    Raises:
        LostError: what an entrant answered 202 is not in the store.
    """
    outcomes: dict[Entrant, list[Outcome]] = {entrant: [] for entrant in entrants}
    for number in range(rounds):
        for entrant in entrants if number % 2 == 0 else reversed(entrants):
            outcomes[entrant].append(_calm_turn(load, entrant, seconds))
    return outcomes


def _calm_turn(load: Load, entrant: Entrant, seconds: int) -> Outcome:
    """Take a turn again while others disturb it; return the calmest."""
    tried: list[Outcome] = []
    while len(tried) < _TRIES and not (tried and tried[-1].used.other < _CALM):
        tried.append(_turn(load, entrant, seconds))
    return min(tried, key=lambda outcome: outcome.used.other)


def _turn(load: Load, entrant: Entrant, seconds: int) -> Outcome:
    site, kind = entrant.site, entrant.kind
    site.kept.restore()
    start = Clock.read(entrant.server, site.store)
    counted = site.setting.wrk.run(load, entrant.server.port, seconds)
    used = Used.between(start, Clock.read(entrant.server, site.store))
    if load.kind != "query" and kind is not FLOOR:
        site.kept.check(load, counted, kind)
    return Outcome(counted, used)
