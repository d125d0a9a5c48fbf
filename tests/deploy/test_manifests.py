"""The manifests of the platforms, in `deploy/` and in the root: checked by their own validators, and against the code.

Where a platform has no validator that works without it (Render, Fly, Cloud Foundry), what matters is checked.
"""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support import stores
from tests.support.expected_settings import NAMES
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"

SERVE, CHECK = "python -m receiver serve", "python -m receiver check"


def documents(path: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / path).read_text()))


HEROKU = json.loads((ROOT / "app.json").read_text())
DOKKU = json.loads((DEPLOY / "dokku/app.json").read_text())
[RENDER] = documents("render/render.yaml")
WEB, STORE = RENDER["services"]
FLY = tomllib.loads((DEPLOY / "fly/fly.toml").read_text())
FLY_STORE = tomllib.loads((DEPLOY / "fly/valkey.toml").read_text())
[CLOUD_FOUNDRY] = documents("cloudfoundry/manifest.yml")
[APPLICATION] = CLOUD_FOUNDRY["applications"]
[COMPOSE] = documents("docker/compose.yaml")
DOCKERFILE = (DEPLOY / "docker/Dockerfile").read_text()
KUBERNETES = {one["kind"]: one for one in documents("kubernetes/receiver.yaml")}
[CONTAINER] = KUBERNETES["Deployment"]["spec"]["template"]["spec"]["containers"]
[STORE_CONTAINER] = documents("kubernetes/valkey.yaml")[0]["spec"]["template"]["spec"]["containers"]
UNIT = (DEPLOY / "systemd/receiver.service").read_text()
STORE_UNIT = (DEPLOY / "systemd/receiver-valkey.service").read_text()

# Their own validators.


def test_heroku_takes_app_json() -> None:
    jsonschema.validate(HEROKU, json.loads((SCHEMAS / "heroku-app.json").read_text()))


@pytest.mark.parametrize(
    "command",
    [
        ("hadolint", "docker/Dockerfile"),
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml"),
        ("kubernetes-validate", "--strict", "kubernetes/receiver.yaml", "kubernetes/valkey.yaml"),
    ],
    ids=["Dockerfile", "compose", "Kubernetes"],
)
def test_the_validator_finds_nothing_to_complain_of(command: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name(command[0])
    judged = subprocess.run([program, *command[1:]], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


# What they state about the receiver must be true.


def settings() -> Iterator[tuple[str, str]]:
    """Every variable that a manifest sets for the receiver, with the manifest's name."""
    yield from (("heroku", name) for name in HEROKU["env"])
    yield from (("render", variable["key"]) for variable in WEB["envVars"])
    yield from (("fly", name) for name in FLY["env"])
    yield from (("cloudfoundry", name) for name in APPLICATION["env"])
    yield from (("docker", name) for name in COMPOSE["services"]["receiver"]["environment"])
    yield from (("kubernetes", variable["name"]) for variable in CONTAINER["env"])
    yield from (("systemd", name) for name in re.findall(r"([A-Z_]+)=\S+", environment_of_the_unit()))


def environment_of_the_unit() -> str:
    found = re.search(r"^Environment=(.*)$", UNIT, re.MULTILINE)
    assert found
    return found[1]


def test_every_variable_that_is_set_is_a_setting() -> None:
    for manifest, name in settings():
        assert name in NAMES, manifest


def test_required_settings_are_asked_for_or_generated() -> None:
    """Fly's are secrets, the unit's stand in a file: their pages have them."""
    named = set(settings())
    for manifest in ("heroku", "render", "cloudfoundry", "docker", "kubernetes"):
        assert (manifest, "RECEIVER_APP_IDS") in named
        assert {(manifest, "RECEIVER_API_KEYS"), (manifest, "RECEIVER_GENERATED_KEY")} & named


def test_what_restarts_asks_only_whether_the_process_lives() -> None:
    """Else an outage of the store would take every instance away."""
    [fly] = FLY["http_service"]["checks"]
    restarting = [
        WEB["healthCheckPath"],
        fly["path"],
        APPLICATION["health-check-http-endpoint"],
        CONTAINER["livenessProbe"]["httpGet"]["path"],
        CONTAINER["readinessProbe"]["httpGet"]["path"],
        *re.findall(r"HEALTHCHECK[^\n]*\\\n[^\n]*\}(/\w+)'", DOCKERFILE),
    ]
    assert restarting == ["/livez"] * 6


def test_a_deploy_waits_until_it_is_ready_or_is_checked_before() -> None:
    [dokku] = DOKKU["healthchecks"]["web"]
    assert (dokku["type"], dokku["path"]) == ("startup", "/readyz")
    assert CONTAINER["startupProbe"]["httpGet"]["path"] == "/readyz"
    procfile = (ROOT / "Procfile").read_text().splitlines()
    assert procfile == [f"web: {SERVE}", f"release: {CHECK}"]
    assert HEROKU["scripts"]["postdeploy"] == CHECK
    assert (WEB["preDeployCommand"], WEB["startCommand"]) == (CHECK, SERVE)
    assert 'ENTRYPOINT ["python", "-m", "receiver"]' in DOCKERFILE
    assert FLY["deploy"]["release_command"] == "check"
    assert UNIT.count(f".venv/bin/{SERVE}") == 1


def test_every_platform_allows_time_to_stop() -> None:
    assert (FLY["kill_signal"], FLY["kill_timeout"]) == ("SIGTERM", 30)
    assert WEB["maxShutdownDelaySeconds"] >= 30
    assert COMPOSE["services"]["receiver"]["stop_grace_period"] == "30s"
    pod = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= pause + 30
    assert "TimeoutStopSec=30\n" in UNIT


def test_ports_fit() -> None:
    port = re.findall(r"PORT=(\d+)", DOCKERFILE)[0]
    assert str(FLY["http_service"]["internal_port"]) == FLY["env"]["PORT"]
    assert COMPOSE["services"]["receiver"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    [port] = [one["value"] for one in CONTAINER["env"] if one["name"] == "PORT"]
    assert str(CONTAINER["ports"][0]["containerPort"]) == port
    assert KUBERNETES["Service"]["spec"]["ports"][0]["targetPort"] == CONTAINER["ports"][0]["name"]


def test_nothing_is_idle_shared_or_open_that_must_not_be() -> None:
    assert FLY["http_service"]["auto_stop_machines"] == "off"
    assert STORE["ipAllowList"] == []
    assert WEB["envVars"][0]["fromService"]["name"] == STORE["name"]
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert "ports" not in COMPOSE["services"]["valkey"]
    assert not FLY_STORE.keys() & {"http_service", "services"}


def test_the_image_is_made_of_what_is_there() -> None:
    sources = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    ignored = (DEPLOY / "docker/Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    for manifest, named in (("docker", COMPOSE["services"]["receiver"]["build"]), ("fly", FLY["build"])):
        base = DEPLOY / manifest / named["context"] if "context" in named else DEPLOY / manifest
        assert (base / named["dockerfile"]).resolve() == DEPLOY / "docker/Dockerfile"
    assert (DEPLOY / "cloudfoundry" / APPLICATION["path"]).resolve() == ROOT


def test_every_platform_has_the_same_python() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    assert re.findall(r"^FROM python:(\S+)-slim", DOCKERFILE, re.MULTILINE) == [version] * 2


# The stores they start.

STORES = {
    "compose": COMPOSE["services"]["valkey"]["command"],
    "Kubernetes": STORE_CONTAINER["args"],
    "Fly": shlex.split(FLY_STORE["processes"]["app"]),
    # Without its places and its supervisor, which systemd itself has to try.
    "systemd": shlex.split(re.sub(r".*--dir \S+|--supervised.*|\\\n", " ", STORE_UNIT, flags=re.DOTALL)),
}


@pytest.mark.parametrize("where", STORES)
def test_the_store_keeps_what_it_has_been_given(where: str) -> None:
    """A real server takes the options, and has on its disk what it has answered."""
    options = [option for option in STORES[where] if option != "valkey-server"]
    with stores.start(options=options) as server:
        config = server.client.config_get("*")
        kept = {name: config[name] for name in ("appendonly", "appendfsync", "save", "maxmemory-policy")}
        assert kept == {
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        assert int(config["maxmemory"] or 0) == 256 << 20
