"""Run every fault under load, then every overload, and print tables of the results.

    python -m tests.faults [--scale 0.1] [part of a fault's name, or overload, or part of an overload's name …]

Exit status 1 if anything that was answered 202 is missing, anything is wrong, or a fault did no harm. Missed targets
are reported only, since response times depend on the machine, too.
"""

import logging
import sys
import time
from collections.abc import Iterator

import click

from tests.faults.account import Row
from tests.faults.bench import bench
from tests.faults.common import COMMON, may_be
from tests.faults.isolated import ISOLATED
from tests.faults.overload import OVERLOADS, SECONDS, Overload

_HEAD = (
    "fault",
    "sent",
    "answered 202",
    "found",
    "wrong",
    "answered 503",
    "cut",
    "slowest answer",
    "effect",
)
_OVERLOAD_HEAD = (
    "overload",
    "offered",
    "sent",
    "answered 202",
    "found",
    "answered 503",
    "reads: sent, 503",
    "other",
    "slowest answer",
    "503s: median, 99 %, slowest",
    "memory before, most, after",
    "all accepted after",
    "as quickly as before after",
)


@click.command(help=__doc__)
@click.argument("parts", nargs=-1)
@click.option("--scale", default=1.0, show_default=True, help="Factor of the duration of each fault.")
def main(parts: tuple[str, ...], scale: float) -> None:
    logging.disable(logging.WARNING)
    began, wanted = time.monotonic(), [part.lower() for part in parts]
    results: list[Row | Overload] = [*_faults(wanted, scale), *_overloads(wanted)]
    print()
    for one in results:
        for what in one.defects:
            print(f"Not good: {one.name}: {what}")
        for what in one.missed:
            print(f"Target missed: {one.name}: {what}")
    is_good = bool(results) and not any(one.defects for one in results)
    print(f"{time.monotonic() - began:.0f} s. " + ("All found." if is_good else "Not good."))
    sys.exit(0 if is_good else 1)


def _faults(wanted: list[str], scale: float) -> Iterator[Row]:
    """Print a row for each fault, and yield it."""
    _print_head(*_HEAD)
    for row in run(wanted, scale):
        counts = (row.sent, row.accepted, row.found, row.wrong, row.refused, row.cut)
        print(line(row.name, *counts, f"{row.slowest:.2f} s", row.effect), flush=True)
        yield row


def run(wanted: list[str], scale: float) -> Iterator[Row]:
    common = {name: fault for name, fault in COMMON.items() if is_wanted(name, wanted)}
    if common:
        with bench(scale) as running:
            for name, fault in common.items():
                yield running.run(name, fault, may_be=may_be(fault))
    for isolated in ISOLATED:
        if is_wanted(isolated.__name__.replace("_", " "), wanted):
            row = isolated(scale)
            if row is not None:
                yield row


def _overloads(wanted: list[str]) -> Iterator[Overload]:
    """Print a row for each overload, and yield it."""
    chosen = [overload for overload in OVERLOADS if is_wanted(f"overload {overload.args[0]}", wanted)]
    if not chosen:
        return
    _print_head(*_OVERLOAD_HEAD)
    for overload in chosen:
        result = overload(SECONDS)
        print(line(*_cells(result)), flush=True)
        yield result


def _cells(result: Overload) -> tuple[object, ...]:
    reads = f"{result.reads}, {result.reads_refused}"
    counts = (result.sent, result.accepted, result.found, result.refused, reads, result.other)
    refusals = ", ".join(f"{seconds:.2f}" for seconds in result.refusals)
    memory = ", ".join(f"{size:.0f}" for size in result.memory)
    took = (f"{result.slowest:.2f} s", f"{refusals} s", f"{memory} MiB")
    return (
        result.name,
        f"{result.offered:.0f}/s",
        *counts,
        *took,
        f"{result.accepting:.1f} s",
        f"{result.recovery:.1f} s",
    )


def is_wanted(name: str, wanted: list[str]) -> bool:
    return not wanted or any(part in name.lower() for part in wanted)


def _print_head(*names: str) -> None:
    print("", line(*names), line("---", *["---:"] * (len(names) - 1)), sep="\n")


def line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
