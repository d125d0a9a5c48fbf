"""Where the receiver's CPU goes: a flat list of its functions, sampled by py-spy under a load.

    python -m tests.benchmarks.callback.profile [--load NAME] [--seconds N] [--native]

`own` is the share of samples in a function itself, `all` with what it called. What is written in C counts as its
Python caller, but with `--native`. py-spy needs the right to look into other processes (root, or ptrace allowed),
and halts the worker for each sample, so the rates of such a run mean nothing.
"""

import subprocess
import sysconfig
from collections import Counter
from pathlib import Path

import click

from tests.benchmarks.callback.load import LOADS
from tests.benchmarks.callback.servers import RECEIVER
from tests.benchmarks.callback.setting import set_up, stocked

PY_SPY = Path(sysconfig.get_path("scripts"), "py-spy")


@click.command(help=__doc__)
@click.option("--load", "name", default="keep-64", show_default=True, type=click.Choice(list(LOADS)))
@click.option("--seconds", default=6, show_default=True, help="How long to sample.")
@click.option("--most", default=60, show_default=True, help="How many functions to list.")
@click.option("--native", is_flag=True, help="Look into extensions written in C, too.")
def main(name: str, seconds: int, most: int, native: bool) -> None:
    load = LOADS[name]
    with set_up() as setting, stocked(setting, load.records) as site, site.running(RECEIVER) as server:
        samples = setting.folder / "samples"
        command = [str(PY_SPY), "record", "--pid", str(server.worker.pid), "--output", str(samples)]
        options = ["--duration", str(seconds), "--rate", "500", "--format", "raw", "--function", "--threads"]
        options += ["--native"] if native else []
        with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as spy:
            setting.wrk.run(load, server.port, seconds + 1)
            spy.wait()
        print(flat(samples, server.worker.pid, most))


def flat(samples: Path, thread_id: int, most: int) -> str:
    """Write a thread's functions by their own time, and by the time in them.

    Args:
        samples: lines of `thread (id);outer;inner count`.
        thread_id: the main thread's; gevent's pool of threads waits in a way that looks like work.
        most: how many functions.
    """
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in samples.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *functions = stack.split(";")
        if thread != f"thread ({thread_id})" or not functions:
            continue
        own[functions[-1]] += int(count)
        within.update(dict.fromkeys(functions, int(count)))
    total = own.total()

    def row(function: str) -> str:
        return f"{own[function] / total:6.1%} {within[function] / total:6.1%}  {function}"

    by_own = [row(function) for function, _ in own.most_common(most)]
    by_all = [row(function) for function, _ in within.most_common(most)]
    return "\n".join([f"{total} samples", "   own    all", *by_own, "", "   own    all", *by_all])


if __name__ == "__main__":
    main()
