"""The receiver with background loops that fail: `python -m tests.web.failing <how> serve`.

Where <how> is `once`, each loop fails the first time at each place where it reports; else that loop fails always.
"""

import sys
from collections.abc import Callable

from receiver.cli.main import main
from receiver.supervision import Loop
from tests.support.hastened import hasten

how = sys.argv.pop(1)
failed: set[tuple[str, str]] = set()


def failing(name: str, report: Callable[[Loop], None]) -> Callable[[Loop], None]:
    def fail_or_report(loop: Loop) -> None:
        place = (loop.name, name)
        if how == loop.name or (how == "once" and place not in failed):
            failed.add(place)
            raise RuntimeError("made by a test")
        report(loop)

    return fail_or_report


for name in ("begin", "idle", "progress"):
    setattr(Loop, name, failing(name, getattr(Loop, name)))

hasten("receiver.metrics.gauges.PERIOD=1")  # a failure is then counted and shown sooner

if __name__ == "__main__":
    main()
