"""The folder with the metric files of a server's workers, from which each worker exports the metrics of all.

The master uses it, so this module does not import prometheus_client: that takes locks out of `threading`, which gevent
patches in the workers.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable from which prometheus_client, when first imported, takes the folder; it has no other way to set it."""

FILES: Final = ("counter", "histogram", "gauge_livesum", "gauge_livemax", "gauge_livemin")
"""Prefixes of a worker's files, as prometheus_client derives them from the metric types in use."""

_FILE_BYTES: Final = 128 * 1024
"""Size of a file in bytes. All series together need less than half of it, since label values come from closed sets."""

_PREFIX: Final = "receiver-metrics-"
_MIN_AGE_SECONDS: Final = 60.0
"""Age in seconds below which a folder is not removed: its owner may not have locked it yet."""


class MetricsFolder:
    """A new, empty folder, removed by the process that created it.

    That process, and those forked from it, hold a lock on it. Folders left by killed processes are removed.

    Args:
        within: the folder to create it in, best in memory; by default the system's folder for temporary files.
    """

    def __init__(self, within: str | None = None) -> None:
        _remove_leftovers(Path(within or tempfile.gettempdir()))
        self._owner = os.getpid()
        self.path: Final = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def forget(self, pid: int) -> None:
        """Remove the gauges of a worker that has ended; its counters stay.

        As prometheus_client's `mark_process_dead` does.
        """
        for file in self.path.glob(f"gauge_live*_{pid}.db"):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder; in a process forked from its owner this does nothing."""
        if os.getpid() == self._owner:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)


def reserve(folder: Path, pid: int) -> None:
    """Create a worker's files, filled with zeros, before prometheus_client does.

    It would create them sparse and write through a memory map; on a file system that is full by then, the write kills
    the process with SIGBUS. The zeros written here have their blocks.

    Raises:
        OSError: there is no space left; the files created so far are removed.
    """
    created = []
    try:
        for path in (folder / f"{name}_{pid}.db" for name in FILES):
            if not path.exists():  # else it holds the counts of an ended worker with the same process id
                created.append(path)
                path.write_bytes(bytes(_FILE_BYTES))
    except OSError:
        for path in created:
            path.unlink(missing_ok=True)
        raise


def _remove_leftovers(within: Path) -> None:
    for path in within.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or in use: it stays
            if time.time() - path.stat().st_mtime < _MIN_AGE_SECONDS:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
