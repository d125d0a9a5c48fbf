"""The folder in which a server's workers keep their metrics, so that any of them can tell those of all.

For the master, so without prometheus_client: that takes locks out of `threading`, which gevent patches in the workers.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client, when it is first imported, finds the folder; it takes no other word for it."""


class MetricsFolder:
    """A new, empty folder, that goes with the process that made it.

    Args:
        within: the folder to make it in, best in memory; the system's own for such things, if not given.
    """

    def __init__(self, within: str | None = None) -> None:
        self._owner = os.getpid()
        self.path: Final = Path(tempfile.mkdtemp(prefix="receiver-metrics-", dir=within))

    def forget(self, pid: int) -> None:
        """Drop what a worker that has ended said of its present; what it has counted stays.

        As prometheus_client's `mark_process_dead` does.
        """
        for file in self.path.glob(f"gauge_live*_{pid}.db"):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove it; in a process forked from its owner this does nothing."""
        if os.getpid() == self._owner:
            shutil.rmtree(self.path, ignore_errors=True)
