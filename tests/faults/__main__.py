"""Every fault under load, one after the other, and the table of what came of it.

    python -m tests.faults [part of a fault's name …]

Exit status 1 where anything that was answered 202 is missing, or anything is wrong.
"""

import logging
import sys
import time
from collections.abc import Iterator

from tests.faults.account import Row
from tests.faults.apart import APART
from tests.faults.bench import bench
from tests.faults.common import COMMON

_HEAD = ("fault", "sent", "answered 202", "found", "wrong", "answered 503", "cut", "slowest answer")


def main() -> int:
    logging.disable(logging.WARNING)
    began, wanted = time.monotonic(), [part.lower() for part in sys.argv[1:]]
    print(line(*_HEAD), line("---", *["---:"] * (len(_HEAD) - 1)), sep="\n")
    rows = []
    for row in run(wanted):
        rows.append(row)
        counts = (row.sent, row.accepted, row.found, row.wrong, row.refused, row.cut)
        print(line(row.fault, *counts, f"{row.slowest:.2f} s"), flush=True)
    bad = [row.fault for row in rows if not row.is_good]
    print(f"\n{time.monotonic() - began:.0f} s. " + (f"Not good: {', '.join(bad)}" if bad else "All found."))
    return 1 if bad or not rows else 0


def run(wanted: list[str]) -> Iterator[Row]:
    common = {name: fault for name, fault in COMMON.items() if is_wanted(name, wanted)}
    if common:
        with bench() as running:
            for name, fault in common.items():
                yield running.run(name, fault)
    for apart in APART:
        if is_wanted(apart.__name__.replace("_", " "), wanted):
            row = apart(1.0)
            if row is not None:
                yield row


def is_wanted(name: str, wanted: list[str]) -> bool:
    return not wanted or any(part in name.lower() for part in wanted)


def line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main())
