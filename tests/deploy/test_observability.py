"""The alert rules and the dashboard: well formed, and about series that there are."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from receiver.simulator.issuer import Issuer
from tests.metrics.told import Told, told
from tests.support.notifications import operation
from tests.support.paths import ROOT
from tests.support.service import Service
from tests.support.stores import StoreServer

FOLDER = ROOT / "deploy/observability"
ALERTS = (FOLDER / "alerts.yaml").read_text()
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
NAME = re.compile(r"\breceiver_\w+")

needs_promtool = pytest.mark.skipif(which("promtool") is None, reason="no promtool on this machine")


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], check=False, capture_output=True, text=True, cwd=FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def there(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Told]:
    """What a receiver with a spool tells that has received something."""
    with Service(tmp_path, store.url, issuer, RECEIVER_SPOOL=str(tmp_path / "spool")) as service:
        assert service.call_back(operation()).status == 202
        yield told(service)


def test_all_series_that_they_name_are_told(there: Told) -> None:
    page = (FOLDER.parent / "observability.md").read_text()
    for text in (ALERTS, *expressions()):
        assert set(NAME.findall(text)) - there.names == set()
    assert set(NAME.findall(page)) - there.names - set(there.families) == set()


def test_the_page_and_the_dashboard_leave_nothing_out(there: Told) -> None:
    page = (FOLDER.parent / "observability.md").read_text()
    shown = " ".join(expressions())
    for name in there.families:
        assert name in page
        assert name in shown or name == "receiver_build_info"


@needs_promtool
def test_the_rules_are_rules_and_fire_when_they_should() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yaml")


def test_every_alert_is_tried() -> None:
    tried = (FOLDER / "alerts_test.yaml").read_text()
    for name in re.findall(r"alert: (\w+)", ALERTS):
        assert name in tried, name


@needs_promtool
def test_the_expressions_of_the_dashboard_are_expressions(tmp_path: Path) -> None:
    """Each as a recording rule, with values for Grafana's variables."""
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(expressions())
    ]
    assert not [rule for rule in rules if "$" in rule["expr"].replace("$instance", "")]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))


def test_panels_stand_beside_each_other_within_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
