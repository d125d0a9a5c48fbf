"""The folder in which a server's workers keep their metrics, so that any of them can tell those of all.

For the master, so without prometheus_client: that takes locks out of `threading`, which gevent patches in the workers.
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
"""Where prometheus_client, when it is first imported, finds the folder; it takes no other word for it."""


FILES: Final = ("counter", "histogram", "gauge_livesum", "gauge_livemax", "gauge_livemin")
"""What the names of a worker's files begin with, as prometheus_client names them by what we make."""

_ROOM: Final = 128 * 1024
"""Bytes of a file. All that can be counted takes less than half of it, labels come from closed sets."""

_PREFIX: Final = "receiver-metrics-"
_YOUNG: Final = 60.0
"""Seconds in which whoever makes a folder has locked it for certain."""


class MetricsFolder:
    """A new, empty folder, that goes with the process that made it.

    That process, and those forked from it, lock it. What others left that were killed is removed.

    Args:
        within: the folder to make it in, best in memory; the system's own for such things, if not given.
    """

    def __init__(self, within: str | None = None) -> None:
        _remove_what_is_left(Path(within or tempfile.gettempdir()))
        self._owner = os.getpid()
        self.path: Final = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

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
            os.close(self._lock)


def reserve(folder: Path, pid: int) -> None:
    """Make a worker's files, of zeros, before prometheus_client does.

    It would make them sparse and write through a map, and where the file system is full by then, that kills the
    process (SIGBUS) in the middle of its work. What is written here is there.

    Raises:
        OSError: there is no room; what was made for it is gone again.
    """
    made = []
    try:
        for path in (folder / f"{name}_{pid}.db" for name in FILES):
            if not path.exists():  # else what a worker with the same number has counted
                made.append(path)
                path.write_bytes(bytes(_ROOM))
    except OSError:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _remove_what_is_left(within: Path) -> None:
    for path in within.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or in use: then it stays
            if time.time() - path.stat().st_mtime < _YOUNG:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
