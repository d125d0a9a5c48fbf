"""The README's examples: every `curl` of its routes, and its program, are run as they stand there."""

import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from receiver.simulator.issuer import Issuer
from receiver.web.openapi.openapi_document import IMPLIED
from tests.support.api_document import app
from tests.support.notifications import CALL, operation
from tests.support.paths import ROOT
from tests.support.service import ALL, Service
from tests.support.stores import StoreServer

README = (ROOT / "README.md").read_text()
SECTION = "### Every route by `curl`\n"
ADDRESS = "http://127.0.0.1:8000"
OF_THE_BROWSER = ("/static/", "/view/", "/sign-in", "/sign-out")


@dataclass(frozen=True)
class Example:
    """A command, the status of its answer, and the answer, in which `…` stands for what is left out."""

    command: str
    status: int
    answer: str

    @property
    def method(self) -> str:
        asked = re.search(r"-X (\w+)", self.command)
        return asked[1] if asked else "POST" if "--json" in self.command else "GET"

    @property
    def path(self) -> str:
        return urlsplit(re.findall(rf"{ADDRESS}[^\s']*", self.command)[0]).path


def examples() -> list[Example]:
    section = README.partition(SECTION)[2].partition("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    told = [one for block in blocks for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    parts = [re.split(r"^(\d{3})\b ?", one, maxsplit=1, flags=re.MULTILINE) for one in told]
    return [Example(command, int(status), answer.strip()) for command, status, answer in parts]


def test_every_route_that_no_browser_needs_has_one() -> None:
    routes = app().url_map.bind("x")
    shown = {(routes.match(one.path, one.method, return_rule=True)[0].rule, one.method) for one in examples()}
    there = {
        (rule.rule, method)
        for rule in app().url_map.iter_rules()
        if not rule.rule.startswith(OF_THE_BROWSER)
        for method in (rule.methods or set()) - IMPLIED
    }
    assert there == shown


@pytest.fixture
def own_service(tmp_path: Path, store: StoreServer, issuer: Issuer) -> Iterator[Service]:
    """A receiver that has skipped no record: the one that tests share names in /readyz what others stored."""
    with Service(tmp_path, store.url, issuer) as running:
        yield running


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_every_command_is_answered_as_it_says(own_service: Service, tmp_path: Path) -> None:
    service = own_service
    environment = {"PATH": os.environ["PATH"], "KEY": ALL, "TOKEN": service.token()}
    ids: dict[str, str] = {}
    for example in examples():
        status, answer = run(example.command, service, environment, ids, tmp_path)
        assert status == example.status, f"{example.command}\n{answer}"
        assert_told(example.answer, answer, ids)


def test_its_program_does_as_it_says(service: Service) -> None:
    [program] = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
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
            assert process.stdout.readline() == "408/10057\n"
            number = 1
            while not select.select([process.stdout], [], [], 0.2)[0]:  # it may not listen yet
                number += 1
                service.call_back(operation(cc=f"invite-{number}", op=f"another-{number}"))
            assert process.stdout.readline().startswith("operation Operation(client_context='invite-")
        finally:
            process.kill()


def run(
    command: str, service: Service, environment: dict[str, str], ids: dict[str, str], folder: Path
) -> tuple[int, str]:
    """Run a command against the service, and return status and body; a stream is left after two seconds."""
    for documented, real in ids.items():
        command = command.replace(documented, real)
    headers = folder / "headers"
    most = 2 if " -N " in command else 20
    written = (
        f"curl -s -m {most} -D {headers} {command.removeprefix('curl ').replace(ADDRESS, service.address)}"
    )
    ran = subprocess.run(
        ["sh", "-c", written], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return int(headers.read_text().split()[1]), ran.stdout.strip()


def assert_told(documented: str, answer: str, ids: dict[str, str]) -> None:
    if documented.startswith("{"):
        assert_alike(without_gaps(documented), json.loads(answer), ids)
        return
    lines = iter(answer.splitlines())
    for line in filter(None, documented.splitlines()):
        name, _, data = line.partition("data: ")
        if data and not name:
            told = next(one for one in lines if one.startswith("data: "))
            assert_alike(without_gaps(data), json.loads(told.removeprefix("data: ")), ids)
        elif line != "…":
            assert shape(line) in map(shape, lines), f"{line} is not in {answer}, or not there"


def without_gaps(text: str) -> Any:
    """Read JSON from which members are left out: `…` stands for them."""
    return json.loads(re.sub(r", …(?=[,}\]])|(?<=[{\[])…(, )?", "", " ".join(text.split())))


def assert_alike(documented: Any, told: Any, ids: dict[str, str]) -> None:
    """Compare what is documented; times and ids of entries may have other digits, and `…` ends what is cut short."""
    if isinstance(documented, dict):
        assert documented.keys() <= told.keys()
        for name, value in documented.items():
            assert_alike(value, told[name], ids)
    elif isinstance(documented, list):
        assert len(documented) == len(told)
        for one, other in zip(documented, told, strict=True):
            assert_alike(one, other, ids)
    elif isinstance(documented, str):
        begin = documented.removesuffix("…")
        assert shape(told[: len(begin)] if begin != documented else told) == shape(begin)
        if re.fullmatch(r"\d+-0", documented):
            ids[documented] = told
    else:
        assert documented == told


def shape(text: str) -> str:
    """Return times and ids of entries with zeros for digits, and what has been counted without its number."""
    text = re.sub(r"(?<=[\w}]) \d+\.0$", "", text)
    varies = r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d{13}-\d+\b"
    return re.sub(varies, lambda found: re.sub(r"\d", "0", found[0]), text)
