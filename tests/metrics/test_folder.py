import os
import subprocess
import sys
from pathlib import Path

from receiver.metrics.folder import MetricsFolder

LONG_AGO = (1, 1)


def test_a_new_one_is_empty_and_goes_with_its_owner(tmp_path: Path) -> None:
    folder = MetricsFolder(str(tmp_path))
    assert list(folder.path.iterdir()) == []
    assert folder.path.stat().st_mode & 0o077 == 0, "nobody else reads or writes there"
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_of_a_dead_worker_only_its_present_is_forgotten(tmp_path: Path) -> None:
    folder = MetricsFolder(str(tmp_path))
    for name in ("counter_7.db", "gauge_livesum_7.db", "gauge_livemax_7.db", "gauge_livesum_77.db"):
        (folder.path / name).touch()
    folder.forget(7)
    assert {path.name for path in folder.path.iterdir()} == {"counter_7.db", "gauge_livesum_77.db"}
    folder.remove()


def test_what_the_killed_leave_is_removed_and_what_is_in_use_stays(tmp_path: Path) -> None:
    code = "import sys, os; from receiver.metrics.folder import *; MetricsFolder(sys.argv[1]); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    [left] = tmp_path.iterdir()
    in_use = MetricsFolder(str(tmp_path))
    assert left.exists(), "it may be somebody's who just begins"
    for path in (left, in_use.path):
        os.utime(path, LONG_AGO)
    new = MetricsFolder(str(tmp_path))
    assert {*tmp_path.iterdir()} == {in_use.path, new.path}
    in_use.remove()
    new.remove()
