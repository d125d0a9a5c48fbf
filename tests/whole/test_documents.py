"""The README and the guides: every command is run as it stands there, every answer compared, every link followed."""

import dataclasses
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from receiver.cli.demo_command import greeting
from receiver.cli.main import main
from receiver.simulator.issuer import Issuer
from receiver.web.openapi.openapi_document import IMPLIED
from tests.support.api_document import app
from tests.support.documented_commands import assert_answer, examples, run, shell_commands
from tests.support.documents import ALL_DOCUMENTS, FOR_USERS, GUIDES_FOLDER, README
from tests.support.expected_settings import DEFAULTS
from tests.support.notifications import CALL, operation
from tests.support.paths import ROOT
from tests.support.service import ALL, Service
from tests.support.stores import StoreServer

WITH_ANSWERS = [path for path in FOR_USERS if examples(path.read_text())]
README_TEXT = README.read_text()
USED_BY_BROWSERS_ONLY = ("/static/", "/view/", "/sign-in", "/sign-out")
SETS_UP = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install ")
LARGEST_README = 9_000
"""Bytes: what a newcomer reads in five minutes."""

SHOWN = {
    "cc": "7ea89c5d-771b-4cbc-9922-a0ba00548069",
    "call": "fa0f5238-af94-457b-8a7e-3cb57ee5af15",
    "op": "00fce55b-0cad-4b63-941d-c42f8e9eecbe",
    "type": "addLargeGalleryViewOperation",
}
"""The operation of the demo that the README and some guides ask for."""


def test_readme_is_short() -> None:
    assert len(README.read_bytes()) <= LARGEST_README


@pytest.mark.parametrize("path", ALL_DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_lead_to_files(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert urlsplit(target).scheme == "https" or (path.parent / target).exists(), target


def test_every_route_that_programs_use_has_an_example() -> None:
    routes = app().url_map.bind("x")
    shown = {
        (routes.match(one.path, one.method, return_rule=True)[0].rule, one.method)
        for one in examples((GUIDES_FOLDER / "api-by-curl.md").read_text())
    }
    there = {
        (rule.rule, method)
        for rule in app().url_map.iter_rules()
        if not rule.rule.startswith(USED_BY_BROWSERS_ONLY)
        for method in (rule.methods or set()) - IMPLIED
    }
    assert there == shown


@pytest.fixture
def own_service(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver that has skipped no record: the one that tests share names in /readyz what others stored."""
    with Service(tmp_path, store.url, issuer) as running:
        yield running


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("path", WITH_ANSWERS, ids=lambda path: path.stem)
def test_every_curl_is_answered_as_shown(own_service: Service, tmp_path: Path, path: Path) -> None:
    service, text = own_service, path.read_text()
    if SHOWN["cc"] in text:
        for status in ("running", "completed"):
            assert service.call_back(operation(status=status, **SHOWN)).status == 202
    environment = {"PATH": os.environ["PATH"], "KEY": ALL, "TOKEN": service.token()}
    ids: dict[str, str] = {}
    for example in examples(text):
        status_code, answer = run(example.command, service, environment, ids, tmp_path)
        assert status_code == example.status, f"{example.command}\n{answer}"
        assert_answer(example.answer, answer, ids)


def test_every_curl_has_its_answer() -> None:
    for path in FOR_USERS:
        assert [one for one in shell_commands(path.read_text()) if "curl" in one] == [], path


def test_commands_that_set_up_are_those_of_the_readme() -> None:
    """`.ci/run` runs the second, and the first is the demo that `test_demo.py` starts."""
    setting_up = [one for one in shell_commands(README_TEXT) if SETS_UP.match(one)]
    assert setting_up == shell_commands(README_TEXT)
    assert len(setting_up) == 2
    for path in FOR_USERS:
        assert {one for one in shell_commands(path.read_text()) if SETS_UP.match(one)} <= {*setting_up}


@pytest.mark.parametrize(
    "command",
    sorted({one for path in FOR_USERS for one in shell_commands(path.read_text()) if not SETS_UP.match(one)}),
)
def test_every_other_command_succeeds(service: Service, command: str) -> None:
    service.call_back(operation())
    program = re.sub(r"^receiver\b", f"{sys.executable} -m receiver", command)
    program = re.sub(r"^python\b", sys.executable, program)
    environment = {"PATH": os.environ["PATH"], "RECEIVER_URL": service.address, "RECEIVER_KEY": ALL}
    ran = subprocess.run(
        program.split(), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_option_of_a_command_exists() -> None:
    for path in FOR_USERS:
        for name, option in re.findall(r"receiver ([a-z]+) .*?(--[a-z-]+)", path.read_text()):
            command = main.get_command(click.Context(main), name)
            assert command, name
            assert option in {opt for one in command.get_params(click.Context(command)) for opt in one.opts}


def test_python_of_the_guide_works(service: Service) -> None:
    text = (GUIDES_FOLDER / "python-client.md").read_text()
    [program] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    given = {
        "key": ALL,
        "client_context": "invite-1",
        "graphs_answer": {"status": "running"},
        "call_id": CALL,
    }
    begin = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    result = {"code": 408, "subcode": 10057, "message": "Nobody answered."}
    service.call_back(operation(status="failed", resultInfo=result))
    code = begin + program.replace("https://receiver.example", service.address)
    with subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "Nobody answered\n"
            number = 1
            while not select.select([process.stdout], [], [], 0.2)[0]:  # it may not listen yet
                number += 1
                service.call_back(operation(cc=f"invite-{number}", op=f"another-{number}"))
            assert process.stdout.readline().startswith("operation Operation(client_context='invite-")
        finally:
            process.kill()


def test_output_of_the_demo_in_the_guide_is_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    text = (GUIDES_FOLDER / "getting-started.md").read_text()
    [shown] = re.findall(r"^```\n(The receiver listens .*?)^```$", text, re.MULTILINE | re.DOTALL)
    folder = Path("~/.local/share/receiver/demo")
    greeting(dataclasses.replace(DEFAULTS, data_dir=folder), "0nETafVz60cX…", "")("http://127.0.0.1:8000")
    assert shown.partition("\n…\n")[0] in capsys.readouterr().out
