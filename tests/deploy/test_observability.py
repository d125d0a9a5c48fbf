"""The alert rules and the dashboard: valid, and about series that the receiver exports."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from receiver.simulator.issuer import Issuer
from tests.support.documents import GUIDES_FOLDER
from tests.support.notifications import operation
from tests.support.paths import ROOT
from tests.support.scraping import Scrape, scrape
from tests.support.service import Service
from tests.support.stores import StoreServer

FOLDER = ROOT / "deploy/observability"
ALERTS = (FOLDER / "alerts.yaml").read_text()
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
NAME = re.compile(r"\breceiver_\w+")

needs_promtool = pytest.mark.skipif(which("promtool") is None, reason="promtool is not installed")


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], check=False, capture_output=True, text=True, cwd=FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def exported(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Scrape]:
    """The metrics of a receiver with a spool, after one notification."""
    with Service(tmp_path, store.url, issuer, RECEIVER_SPOOL=str(tmp_path / "spool")) as service:
        assert service.call_back(operation()).status == 202
        yield scrape(service)


def test_series_named_in_alerts_and_dashboard_are_exported(exported: Scrape) -> None:
    page = (GUIDES_FOLDER / "operating.md").read_text()
    for expression in expressions():
        assert set(NAME.findall(expression)) - exported.names == set()
    assert set(NAME.findall(ALERTS)) - exported.names - set(exported.families) == set()
    assert set(NAME.findall(page)) - exported.names - set(exported.families) == set()


def test_every_series_is_on_the_page_and_the_dashboard(exported: Scrape) -> None:
    page = (GUIDES_FOLDER / "operating.md").read_text()
    shown = " ".join(expressions())
    for name in exported.families:
        assert name in page
        assert name in shown or name == "receiver_build_info"


@needs_promtool
def test_alert_rules_are_valid_and_fire() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yaml")


def test_every_alert_has_a_test() -> None:
    tried = (FOLDER / "alerts_test.yaml").read_text()
    for name in re.findall(r"alert: (\w+)", ALERTS):
        assert name in tried, name


@needs_promtool
def test_dashboard_expressions_are_valid(tmp_path: Path) -> None:
    """Each as a recording rule, with values for Grafana's variables."""
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(expressions())
    ]
    assert not [rule for rule in rules if "$" in rule["expr"].replace("$instance", "")]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))


def test_dashboard_panels_do_not_overlap() -> None:
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
