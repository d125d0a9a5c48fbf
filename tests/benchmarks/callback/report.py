"""What was measured, as a table: the median of the rounds, and the ratios of each round's neighbours.

The four servers take turns in every round, so a ratio compares what ran within seconds of each other; the median of
those ratios drifts less with the machine than the ratio of the medians.
"""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from tests.benchmarks.callback.load import Load
from tests.benchmarks.callback.rounds import Entrant, Outcome, Rounds
from tests.benchmarks.callback.servers import FLOOR, PEER, PEER_SET, Kind

_COLUMNS: Final = (
    *("", "requests/s", "items/s", "p50 ms", "p99 ms", "CPU µs/item"),
    *("server", "store", "wrk", "other", "/a", "/c", "/d"),
)
_WIDTHS: Final = (20, 10, 8, 7, 7, 11, 7, 6, 6, 6, 6, 6, 6)


def table(load: Load, rounds: Rounds) -> str:
    """Write a load's lines of the table. `other` is what else ran on the machine."""
    entrants = [entrant for entrant in rounds if entrant.site.records == load.records]
    lines = [load.title, _line(_COLUMNS)]
    for entrant in entrants:
        outcomes = rounds[entrant]
        cells = [
            f"{middle(outcomes, lambda outcome: outcome.rate):.0f}",
            f"{middle(outcomes, lambda outcome: outcome.rate * load.items):.0f}",
            f"{middle(outcomes, lambda outcome: outcome.counted.median):.1f}",
            f"{middle(outcomes, lambda outcome: outcome.counted.slowest):.1f}",
            f"{middle(outcomes, lambda outcome: _cpu(load, outcome)):.0f}",
            f"{middle(outcomes, lambda outcome: outcome.used.server / outcome.counted.seconds):.0%}",
            f"{middle(outcomes, lambda outcome: outcome.used.store):.0%}",
            f"{middle(outcomes, lambda outcome: outcome.used.wrk):.0%}",
            f"{middle(outcomes, lambda outcome: outcome.used.other):.0%}",
        ]
        others = [_of_kind(entrants, kind) for kind in (FLOOR, PEER, PEER_SET)]
        ratios = [
            f"{ratio(rounds, entrant, other):.2f}" if other and other is not entrant else "-"
            for other in others
        ]
        line = _line([f"({entrant.kind.letter}) {entrant.kind.name}", *cells, *ratios])
        errors = sum(outcome.counted.errors for outcome in outcomes)
        lines.append(f"{line}  {errors} errors" if errors else line)
    for other in rounds:
        same = _of_kind(entrants, other.kind)
        if same and same is not other:
            compared = ratio(rounds, same, other)
            lines.append(
                f"({other.kind.letter}) has {compared:.2f} of its rate with {other.site.records:,} records"
            )
    return "\n".join(lines) + "\n"


def middle(outcomes: Sequence[Outcome], measure: Callable[[Outcome], float]) -> float:
    """Return the median of a measure over the rounds."""
    return median(map(measure, outcomes))


def ratio(rounds: Rounds, one: Entrant, other: Entrant) -> float:
    """Return the median over the rounds of the ratio of two rates."""
    pairs = zip(rounds[one], rounds[other], strict=True)
    return median(outcome.rate / beside.rate for outcome, beside in pairs)


def _of_kind(entrants: Sequence[Entrant], kind: Kind) -> Entrant | None:
    return next((entrant for entrant in entrants if entrant.kind is kind), None)


def _cpu(load: Load, outcome: Outcome) -> float:
    return outcome.used.server / outcome.counted.answered / load.items * 1e6


def _line(cells: Sequence[str]) -> str:
    first, *rest = zip(cells, _WIDTHS, strict=True)
    return " ".join([f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in rest)])
