"""The pages of `deploy/`: short, complete, and true as far as a program can check."""

import dataclasses
import json
import re
from pathlib import Path

import click
import pytest

from receiver.app import create_app
from receiver.cli.main import main
from receiver.components import make_components
from tests.pythons import SUPPORTED
from tests.support.documents import DEPLOY_PAGES, GUIDES_FOLDER
from tests.support.expected_settings import DEFAULTS, NAMES
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"
OF_CLIENTS = ("RECEIVER_URL", "RECEIVER_KEY")
PLATFORMS = sorted(path.parent.name for path in DEPLOY.glob("*/README.md"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_platform_has_its_page_and_stands_in_the_list() -> None:
    listed = re.findall(r"\| \[(\w+)\]\(\1/README\.md\) \|", (DEPLOY / "README.md").read_text())
    assert sorted(listed) == PLATFORMS
    with_files = {path.parent.name for path in DEPLOY.glob("*/*") if path.suffix not in {".md", ".png"}}
    assert with_files <= {*PLATFORMS, "observability"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_platform_page_fits_on_one_screen(platform: str) -> None:
    page = (DEPLOY / platform / "README.md").read_text()
    assert len(page.splitlines()) <= 45
    for subject in ("**Set** ", "**Does it work?**", "**Give Graph**", "**Rotate keys.**", "**Upgrade.**"):
        assert subject in page


@pytest.mark.parametrize("path", [*DEPLOY_PAGES, *GUIDES_FOLDER.glob("*.md")], ids=name)
def test_variables_files_and_commands_of_a_page_exist(path: Path) -> None:
    page = path.read_text()
    assert {name.removesuffix("_FILE") for name in re.findall(r"\bRECEIVER_\w+", page)} <= {
        *NAMES,
        *OF_CLIENTS,
    }
    for file in re.findall(r"\bdeploy/[\w./]+\w", page):
        assert (ROOT / file).exists(), file
    commands = main.list_commands(click.Context(main))
    for command in re.findall(r"(?:python -m receiver|`receiver|--rm receiver) (\w+)", page):
        assert command in commands


def test_cloud_foundry_file_of_python_version_is_not_committed() -> None:
    """Its buildpack defaults to 3.10 and reads runtime.txt only, which would override .python-version on Heroku."""
    page = (DEPLOY / "cloudfoundry/README.md").read_text()
    assert f"echo python-{SUPPORTED[0]}.x > runtime.txt\n" in page
    assert "/runtime.txt" in (ROOT / ".gitignore").read_text().splitlines()


def test_addresses_given_to_graph_are_routes_for_post() -> None:
    app = create_app(make_components(dataclasses.replace(DEFAULTS, redis_url="redis://127.0.0.1:1")))
    routes = app.url_map.bind("receiver.example")
    given = []
    for block in re.findall(
        r"```json\n(.*?)```", (GUIDES_FOLDER / "graph-address.md").read_text(), re.DOTALL
    ):
        json.loads(block)
        given += re.findall(r'"(\w+)": "https://receiver\.example(/[^"]*)"', block)
    members = {"callbackUri", "callingWebhook", "notificationUrl", "lifecycleNotificationUrl"}
    assert {member for member, _ in given} == members
    for _, path in given:
        assert routes.match(path, method="POST"), path


def test_the_lock_is_compiled_as_the_page_says() -> None:
    [command] = re.findall(r"^uv pip compile .*$", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    assert f"#    {command}\n" in (ROOT / "requirements.txt").read_text()
