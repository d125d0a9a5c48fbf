"""How fast the receiver is, beside what it is built on and what else one would write.

    pip install -e '.[embedded,test,bench]'; apt-get install wrk
    python -m tests.benchmarks.callback [--only NAME]… [--seconds N] [--rounds N] [--plot FILE]

Four servers with one worker each, pinned to one core: (a) Flask answering an empty 202 under the receiver's own
gunicorn settings, (b) the receiver with everything on, (c) a FastAPI peer that does the same work, (d) the same peer
with nothing but SET. The load generator and the store (Valkey on a unix socket) share another core.

In every round the servers take turns, each for a second; a turn that other programs of the machine disturb is taken
again, and root can keep most of them out by `nice -n -15`. After each turn the store is checked for what was answered
202. `figures` stands for memory and start. A whole run takes a quarter of an hour, two minutes of it for the million
records.
"""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path

import click

from tests.benchmarks.callback import report
from tests.benchmarks.callback.figures import figures
from tests.benchmarks.callback.load import FEW, LOADS, MANY
from tests.benchmarks.callback.machine import machine
from tests.benchmarks.callback.plot import draw
from tests.benchmarks.callback.rounds import Entrant, run_rounds
from tests.benchmarks.callback.servers import KINDS, PEER_SET, RECEIVER, Kind
from tests.benchmarks.callback.setting import Site, set_up, stocked

FIGURES = "figures"


@click.command(help=__doc__)
@click.option(
    "--only", multiple=True, type=click.Choice([*LOADS, FIGURES]), help="What to run, in place of all."
)
@click.option("--seconds", default=1, show_default=True, help="How long a turn lasts.")
@click.option("--rounds", default=9, show_default=True, help="How often the servers take turns.")
@click.option("--records", default=MANY, show_default=True, help="How many `million` has stored before.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Where to draw rate and latency."
)
def main(only: tuple[str, ...], seconds: int, rounds: int, records: int, plot: Path | None) -> None:
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk, which sends the load, is not installed: apt-get install wrk")
    click.echo(machine())
    chosen = only or (*LOADS, FIGURES)
    measured = {}
    with set_up() as setting, ExitStack() as stack:
        enter = _entrants(stack, cache(lambda stored: stack.enter_context(stocked(setting, stored))))
        loads = {**LOADS, "million": replace(LOADS["million"], records=records)}
        for load in [loads[name] for name in chosen if name != FIGURES]:
            kinds = [kind for kind in KINDS if load.kind != "query" or kind is not PEER_SET]
            entrants = [enter(kind, load.records) for kind in kinds]
            if load.records != FEW:
                entrants.append(enter(RECEIVER, FEW))
            measured[load] = run_rounds(load, entrants, seconds=seconds, rounds=rounds)
            click.echo(report.table(load, measured[load]))
        if FIGURES in chosen:
            click.echo(figures(setting))
    if plot:
        draw(measured, plot)


def _entrants(stack: ExitStack, site_with: Callable[[int], Site]) -> Callable[[Kind, int], Entrant]:
    """Return what starts a server beside a store with so many records, once."""

    @cache
    def enter(kind: Kind, records: int) -> Entrant:
        site = site_with(records)
        return Entrant(kind, stack.enter_context(site.running(kind)), site)

    return enter


if __name__ == "__main__":
    main()
