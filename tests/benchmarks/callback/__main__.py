"""How fast the receiver is, beside what it is built on and what else one would write.

    pip install -e '.[embedded,test,bench]'; apt-get install wrk
    python -m tests.benchmarks.callback [--only NAME]… [--seconds N] [--rounds N]

Four servers with one worker each, pinned to one core: (a) Flask answering an empty 202 under the receiver's own
gunicorn settings, (b) the receiver with everything on, (c) a FastAPI peer that does the same work, (d) the same peer
with nothing but SET. The load generator and the store (Valkey on a unix socket) share another core. In every round
the four take turns, and after each load the store is checked for what was answered 202.
"""

from collections import defaultdict
from contextlib import ExitStack

import click

from tests.benchmarks.callback import report
from tests.benchmarks.callback.load import Outcome
from tests.benchmarks.callback.loads import LOADS
from tests.benchmarks.callback.servers import FLOOR, KINDS, Kind, running
from tests.benchmarks.callback.setting import setting


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(LOADS)), help="Loads to run, in place of all.")
@click.option("--seconds", default=3, show_default=True, help="How long each load runs.")
@click.option("--rounds", default=3, show_default=True, help="How often the four take turns.")
def main(only: tuple[str, ...], seconds: int, rounds: int) -> None:
    with setting() as scene, ExitStack() as stack:
        servers = {kind: stack.enter_context(running(scene.server(kind))) for kind in KINDS}
        for load in [LOADS[name] for name in only or LOADS]:
            outcomes: dict[Kind, list[Outcome]] = defaultdict(list)
            for number in range(rounds):
                for kind, server in servers.items() if number % 2 == 0 else reversed(servers.items()):
                    scene.kept.fill(load.records)
                    before = scene.kept.count(kind)
                    outcome = scene.wrk.run(load, server, seconds)
                    if load.kind != "query" and kind is not FLOOR:
                        scene.kept.check(load, outcome, kind, scene.kept.count(kind) - before)
                    outcomes[kind].append(outcome)
            click.echo(report.table(load, {kind: outcomes[kind] for kind in KINDS}))


if __name__ == "__main__":
    main()
