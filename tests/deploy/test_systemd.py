"""The units of `deploy/systemd`: read by systemd, judged by it, and run by it in all their confinement."""

import shutil
import subprocess
from pathlib import Path

import pytest

from receiver.simulator.issuer import Issuer
from tests.deploy.booted import FOLDER, UNITS, boot
from tests.deploy.slug import Slug
from tests.support.notifications import operation
from tests.support.service import Service
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")


def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    """In a root that has systemd's own units and what ours start, so that nothing depends on this machine."""
    shutil.copytree("/lib/systemd/system", tmp_path / "lib/systemd/system", symlinks=True)
    for unit in UNITS:
        shutil.copy(FOLDER / unit, tmp_path / "lib/systemd/system")
    for program in ("opt/receiver/.venv/bin/python", "usr/bin/valkey-server"):
        (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", tmp_path / program)
    verified = subprocess.run(
        ["systemd-analyze", "verify", f"--root={tmp_path}", *UNITS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize(("unit", "most"), [("receiver.service", 15), ("receiver-valkey.service", 6)])
def test_systemd_judges_them_well_confined(unit: str, most: int) -> None:
    """Tenths of its exposure level: 10 is the worst. The receiver has to reach the network."""
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={most}", str(FOLDER / unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


@pytest.mark.timeout(180)  # it may have to wait for pip
def test_they_run_and_stop_under_systemd(tmp_path: Path, slug: Slug, issuer: Issuer) -> None:
    service = Service(tmp_path, None, issuer)
    names = ("PORT", "RECEIVER_APP_IDS", "RECEIVER_API_KEYS", "RECEIVER_METADATA_URL")
    with boot(tmp_path, slug.folder, {name: service.environment[name] for name in names}) as machine:
        until(lambda: machine.control("is-active", *UNITS).split() == ["active", "active"], 20)
        until(lambda: service.get("/readyz").status == 200)
        assert service.get("/readyz").json["checks"]["spool"] == "ok"
        assert service.call_back(operation(cc="kept")).status == 202
        machine.control("restart", "receiver-valkey.service")
        assert service.get("/operations/kept").json["status"] == "completed", "it was on the disk"
        machine.control("stop", "receiver-valkey.service")
        assert service.call_back(operation(cc="spooled")).status == 202
        machine.control("start", "receiver-valkey.service")
        until(lambda: service.get("/operations/spooled").status == 200, 20)
        machine.control("stop", "receiver.service")
        shown = machine.control("show", "--property=Result,ExecMainStatus", "receiver.service")
        assert set(shown.split()) == {"Result=success", "ExecMainStatus=0"}
    assert "Traceback" not in service.log
