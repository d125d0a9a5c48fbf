"""The cage in which a platform runs us: little memory, and a file system that can't be written to.

It needs root, and control groups of version 1.
"""

import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.deploy.slug import Slug

_PATIENT_HONCHO = "import honcho.manager as m, honcho.command as c; m.KILL_WAIT = 30; c.main()"
"""honcho kills after 5 s; platforms, whose part it plays, after 30."""


@dataclass(frozen=True)
class Cage:
    """A control group with a memory limit; what runs in it sees a root that it can't write to."""

    group: Path

    def command(self, slug: Slug) -> tuple[str, ...]:
        """Start the slug's web process under a process manager, in the cage."""
        honcho = f'exec {sys.executable} -c "{_PATIENT_HONCHO}" start web'
        inside = f"mount -o remount,bind,ro / && cd {slug.folder} && {honcho}"
        return ("sh", "-c", f"echo $$ > {self.group}/cgroup.procs && exec unshare --mount sh -c '{inside}'")

    @property
    def is_closed(self) -> bool:
        """Whether something is in the cage, and all of it sees a root that can't be written to."""
        mounts = [Path(f"/proc/{process.pid}/mounts").read_text() for process in self.processes()]
        return bool(mounts) and all(re.search(r"^\S+ / \S+ ro,", one, re.MULTILINE) for one in mounts)

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(int(pid)) for pid in (self.group / "cgroup.procs").read_text().split()]

    @property
    def memory(self) -> int:
        """Bytes that the processes have for themselves, without what the kernel keeps of files."""
        return self._number("memory.stat", "rss")

    @property
    def killed_for_memory(self) -> int:
        return self._number("memory.oom_control", "oom_kill")

    def _number(self, file: str, name: str) -> int:
        return int(dict(line.split(" ") for line in (self.group / file).read_text().splitlines())[name])


@contextmanager
def cage(limit: int) -> Iterator[Cage]:
    """Make a cage for a number of bytes, and end what still runs in it."""
    group = Path(f"/sys/fs/cgroup/memory/receiver-{secrets.token_hex(4)}")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control groups for us on this machine: {error}")
    (group / "memory.limit_in_bytes").write_text(str(limit))
    made = Cage(group)
    try:
        yield made
    finally:
        for process in made.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        remove_group(group)


def remove_group(group: Path) -> None:
    """Remove a control group and those within it, as soon as the killed have gone."""
    deadline = time.monotonic() + 10
    while group.exists():
        for path in [*sorted(group.rglob("*/"), reverse=True), group]:
            with suppress(OSError):
                path.rmdir()
        assert time.monotonic() < deadline, f"{group} is in use"
        time.sleep(0.02)
