"""What was measured, as a table: the median of the rounds, and the ratios of each round's neighbours.

The four servers take turns in every round, so a ratio compares what ran within seconds of each other; the median of
those ratios drifts less with the machine than the ratio of the medians.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from tests.benchmarks.callback.load import Load, Outcome
from tests.benchmarks.callback.servers import FLOOR, PEER, PEER_SET, Kind

Rounds = Mapping[Kind, Sequence[Outcome]]

COLUMNS = (
    "",
    "requests/s",
    "items/s",
    "p50 ms",
    "p99 ms",
    "CPU µs/item",
    "server",
    "wrk",
    "store",
    "/a",
    "/c",
    "/d",
)
_WIDTHS = (20, 10, 9, 8, 8, 11, 7, 6, 6, 6, 6, 6)


def table(load: Load, rounds: Rounds) -> str:
    """Write a load's lines of the table."""
    lines = [title(load), _line(COLUMNS)]
    for kind, outcomes in rounds.items():
        ratios = [_ratio(rounds, kind, other) for other in (FLOOR, PEER, PEER_SET)]
        shares = [f"{middle(outcomes, share):.0%}" for share in (_server_share, _wrk_share, _store_share)]
        cells = [
            f"{middle(outcomes, rate):.0f}",
            f"{middle(outcomes, rate) * load.items:.0f}",
            f"{middle(outcomes, lambda outcome: outcome.median):.1f}",
            f"{middle(outcomes, lambda outcome: outcome.slowest):.1f}",
            f"{middle(outcomes, lambda outcome: outcome.cpu / outcome.requests / load.items) * 1e6:.0f}",
        ]
        errors = sum(outcome.errors for outcome in outcomes)
        line = _line([f"({kind.letter}) {kind.name}", *cells, *shares, *ratios])
        lines.append(f"{line}  {errors} errors" if errors else line)
    return "\n".join(lines) + "\n"


def title(load: Load) -> str:
    """Say what a load is."""
    what = {
        "news": f"{load.items} item{'s' if load.items > 1 else ''} a POST",
        "lives": "running, then completed",
        "query": "GET by client context",
    }[load.kind]
    how = "Connection: close" if load.close else "keep-alive"
    return f"{load.name}: {what}, {load.connections} connections, {how}, {load.records:,} records stored"


def rate(outcome: Outcome) -> float:
    """Return the requests of a second."""
    return outcome.requests / outcome.seconds


def middle(outcomes: Sequence[Outcome], measure: Callable[[Outcome], float]) -> float:
    """Return the median of a measure over the rounds."""
    return median(map(measure, outcomes))


def _ratio(rounds: Rounds, kind: Kind, other: Kind) -> str:
    if other not in rounds or other is kind:
        return "-"
    pairs = zip(rounds[kind], rounds[other], strict=True)
    return f"{median(rate(one) / rate(another) for one, another in pairs):.2f}"


def _server_share(outcome: Outcome) -> float:
    return outcome.cpu / outcome.seconds


def _wrk_share(outcome: Outcome) -> float:
    return outcome.wrk_share


def _store_share(outcome: Outcome) -> float:
    return outcome.store_share


def _line(cells: Sequence[str]) -> str:
    first, *rest = (
        f"{cell:<{width}}" if place == 0 else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    )
    return " ".join([first, *rest])
