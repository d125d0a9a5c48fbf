"""Every route, with what its description allows and with what it doesn't: schemathesis against a real receiver."""

import copy
import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from receiver.web.openapi.route_parameters import VALIDATION_TOKEN
from tests.fuzz.night import IS_NIGHT, cases
from tests.support.api_document import document
from tests.support.paths import ROOT
from tests.support.service import ALL, Service
from tests.support.stores import StoreServer

CONFIG = Path(__file__).with_name("schemathesis.toml")
PROGRAM = Path(sysconfig.get_path("scripts")) / "schemathesis"
PER_ROUTE = cases(usually=3, at_night=1000)


@pytest.mark.timeout(0 if IS_NIGHT else 120)
def test_every_route_does_as_its_description_says(
    service: Service, store: StoreServer, tmp_path: Path
) -> None:
    seed = [] if IS_NIGHT else ["--seed", "1"]  # what is found by day must be found again
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(without_handshakes(document())))
    command = [str(PROGRAM), "--no-color", "--config-file", str(CONFIG), "run", str(described)]
    command += ["--url", service.address]
    run = subprocess.run(
        [*command, "--max-examples", str(PER_ROUTE), "--warnings", "off", *seed],
        cwd=tmp_path,
        env={
            **service.environment,
            "KEY": ALL,
            "TOKEN": service.token(),
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.fuzz.held_store",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    [tried] = re.findall(r"(\d+) generated", run.stdout)
    assert int(tried) > 2000
    assert "a bug" not in service.log


def without_handshakes(described: dict[str, Any]) -> dict[str, Any]:
    """Leave out the argument that makes a POST a handshake: of nearly every body nothing would be read."""
    described = copy.deepcopy(described)
    for methods in described["paths"].values():
        for operation in methods.values():
            operation["parameters"] = [one for one in operation["parameters"] if one != VALIDATION_TOKEN]
    return described
