"""A machine within this one, on which systemd is the first process and runs our units.

It has its own processes, mounts and control groups; what it does to /etc, /opt, /run and /var/lib is its own
affair. Network and all else it shares with us, so of systemd's own units it starts none.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.deploy.cage import remove_group
from tests.support.paths import ROOT

UNITS = ("receiver.service", "receiver-valkey.service")
FOLDER = ROOT / "deploy/systemd"

_GROUPS = Path("/sys/fs/cgroup")
_NAMESPACES = ("--pid", "--mount", "--uts", "--ipc", "--cgroup")

_BOOT = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/etc/upper /run/etc/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir /opt/receiver
mount --bind {slug} /opt/receiver
useradd --system receiver
cp -r {prepared}/* /etc/
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test \
    /lib/systemd/systemd --system --unit=receiver.service --show-status=0
"""

_DROP_IN = """
[Unit]
DefaultDependencies=no
[Service]
ProtectHome=tmpfs
BindReadOnlyPaths={python}
StandardOutput=append:{log}
StandardError=inherit
"""
"""Python may live in a user's home here, and there is no journal."""


@dataclass(frozen=True)
class Machine:
    pid: int

    def control(self, *arguments: str) -> str:
        """Ask the machine's systemd."""
        inside = ("nsenter", "--target", str(self.pid), "--mount", "--pid", "--cgroup")
        result = subprocess.run(
            [*inside, "systemctl", *arguments], capture_output=True, text=True, check=False
        )
        return result.stdout


@contextmanager
def boot(folder: Path, slug: Path, settings: Mapping[str, str]) -> Iterator[Machine]:
    """Boot with the receiver at /opt/receiver and its settings in /etc/receiver.env, as the page has it."""
    if os.geteuid() or not (_GROUPS / "systemd").is_dir():
        pytest.skip(
            "no systemd can be booted on this machine: it needs root, and control groups of version 1"
        )
    prepared = _prepare(folder, settings)
    (folder / "boot").write_text(_BOOT.format(slug=slug, prepared=prepared))
    groups = _groups()
    join = [f"echo $$ > {group}/cgroup.procs" for group in groups]
    unshare = f"exec unshare {' '.join(_NAMESPACES)} --mount-proc --kill-child --fork sh {folder}/boot"
    with (folder / "console").open("wb") as console:
        outer = subprocess.Popen(
            ["sh", "-c", "; ".join([*join, unshare])],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        )
    try:
        yield Machine(_first_process(outer.pid, folder / "console"))
    finally:
        outer.kill()
        outer.wait()
        for group in groups:
            remove_group(group)


def _prepare(folder: Path, settings: Mapping[str, str]) -> Path:
    """What is to be added to /etc."""
    prepared = folder / "etc"
    units = prepared / "systemd/system"
    units.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(FOLDER / unit, units)
        (units / f"{unit}.d").mkdir()
        drop_in = _DROP_IN.format(python=sys.base_prefix, log=folder / "log")
        (units / f"{unit}.d/test.conf").write_text(drop_in)
    if shutil.which("valkey-server") is None:  # before Debian 13
        store = units / "receiver-valkey.service"
        store.write_text(store.read_text().replace("ExecStart=valkey-server", "ExecStart=redis-server"))
    (units / "network-online.target").symlink_to("/dev/null")
    (prepared / "receiver.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return prepared


def _groups() -> list[Path]:
    """Make a control group in each hierarchy, in which systemd can make its own."""
    made = []
    for hierarchy in sorted(_GROUPS.iterdir()):
        if (
            hierarchy.is_mount() and hierarchy.name != "cpuset"
        ):  # whose groups take no process before they are set up
            group = hierarchy / f"receiver-{secrets.token_hex(4)}"
            group.mkdir()
            made.append(group)
    return made


def _first_process(pid: int, console: Path) -> int:
    deadline = time.monotonic() + 20
    while True:
        with suppress(psutil.NoSuchProcess, IndexError):
            first = psutil.Process(pid).children()[0]
            if first.name() == "systemd":
                return first.pid
        if time.monotonic() > deadline:
            raise RuntimeError(console.read_text())
        time.sleep(0.02)
