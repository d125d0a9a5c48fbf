"""The picture: rate and 99th percentile over the number of connections, for all four servers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks.callback.load import CONNECTIONS, LOADS, Load
from tests.benchmarks.callback.report import middle
from tests.benchmarks.callback.rounds import Outcome, Rounds
from tests.benchmarks.callback.servers import FLOOR, PEER, PEER_SET, RECEIVER

# Okabe and Ito's colours, which the colour-blind can distinguish, and a marker each for print in grey.
_LOOKS: Final = {
    FLOOR: ("Flask, empty 202", "#7f7f7f", "s", "--"),
    RECEIVER: ("receiver", "#D55E00", "o", "-"),
    PEER: ("FastAPI, same work", "#0072B2", "^", "-"),
    PEER_SET: ("FastAPI, only SET", "#56B4E9", "v", "--"),
}
_MANNERS: Final = {"keep": "kept-alive connections", "close": "Connection: close"}


class NothingToDrawError(Exception):
    """The loads that the picture shows were not run."""


def draw(measured: Mapping[Load, Rounds], path: Path) -> None:
    """Draw the loads of one item a POST; the path's suffix says in what format.

    Raises:
        NothingToDrawError: those loads are missing.
    """
    manners = [
        manner for manner in _MANNERS if all(LOADS[f"{manner}-{many}"] in measured for many in CONNECTIONS)
    ]
    if not manners:
        raise NothingToDrawError("the picture needs the loads keep-1 … keep-256, or close-1 … close-256")
    mpl.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(5.2 * len(manners), 7.2), layout="constrained", facecolor="white")
    axes = figure.subplots(2, len(manners), sharex=True, sharey="row", squeeze=False)
    for column, manner in enumerate(manners):
        over = {many: measured[LOADS[f"{manner}-{many}"]] for many in CONNECTIONS}
        _lines(axes[0, column], over, lambda outcome: outcome.rate)
        _lines(axes[1, column], over, lambda outcome: outcome.counted.slowest)
        axes[0, column].set_title(_MANNERS[manner])
        axes[0, column].set_ylim(bottom=0)
        axes[1, column].set_yscale("log")
        axes[1, column].yaxis.set_major_formatter("{x:g}")
        axes[1, column].set_xlabel("connections")
    axes[0, 0].set_ylabel("POSTs a second, one item each")
    axes[1, 0].set_ylabel("99th percentile of latency, ms")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2 * len(manners), frameon=False)
    figure.savefig(path, dpi=150)


def _lines(axes: Axes, over: Mapping[int, Rounds], measure: Callable[[Outcome], float]) -> None:
    for kind, (label, colour, marker, dashes) in _LOOKS.items():
        heights = [
            middle(outcomes, measure)
            for rounds in over.values()
            for entrant, outcomes in rounds.items()
            if entrant.kind is kind
        ]
        axes.plot(list(over), heights, dashes, color=colour, marker=marker, linewidth=2, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(over), [str(many) for many in over])
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
