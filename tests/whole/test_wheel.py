"""The wheel, built from a copy of the project and installed into an environment of its own."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import receiver
from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.paths import ROOT
from tests.support.service import READ, Service

pytestmark = pytest.mark.timeout(240)

USER = """
from receiver.client import ClientError, Operation, Receiver


def outcome(receiver: Receiver, client_context: str) -> str:
    try:
        operation = receiver.wait(client_context, timeout=90)
    except ClientError as error:
        return str(error)
    if operation is None or not operation.done:
        return "no result yet"
    return f"{operation.status} {operation.result or ''}, {operation.updated:%H:%M}"


def all_that_failed(receiver: Receiver) -> list[Operation]:
    with receiver.stream() as stream:
        return [operation for event in stream if (operation := event.operation) and operation.failed]
"""

WRONG_TYPES = """
from receiver.client import Receiver

print(Receiver("http://127.0.0.1:8000").get("x").status)
print(Receiver("http://127.0.0.1:8000", timeout=5))
"""


@dataclass(frozen=True)
class Installed:
    """The wheel, and the `bin` folder of the environment that it is installed in."""

    wheel: Path
    bin: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.bin,
            env={"PATH": os.environ["PATH"], "HOME": str(self.bin.parent)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    source, environment = folder / "source", folder / "environment"
    # A copy, since the files of an earlier `build` folder would be added to the wheel.
    shutil.copytree(ROOT / "receiver", source / "receiver", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip("--python", str(environment), "install", "--no-compile", f"{wheel}[embedded]")
    return Installed(wheel, environment / "bin")


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True, stderr=subprocess.PIPE)


def test_wheel_contains_exactly_the_package(installed: Installed) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "receiver").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == files
    assert {Path(name).suffix for name in held} == {
        ".py",
        ".typed",
        ".lua",
        ".html",
        ".css",
        ".js",
        ".svg",
        ".md",
    }


def test_wheel_has_the_projects_version_and_licence(installed: Installed) -> None:
    assert installed.wheel.name.split("-")[:2] == ["graph_call_receiver", receiver.__version__]
    assert installed.run("receiver", "--version").stdout == f"receiver, version {receiver.__version__}\n"
    with zipfile.ZipFile(installed.wheel) as wheel:
        folder = f"graph_call_receiver-{receiver.__version__}.dist-info"
        assert wheel.read(f"{folder}/licenses/LICENSE").decode() == (ROOT / "LICENSE").read_text()
        assert "\nLicense-Expression: MIT\n" in wheel.read(f"{folder}/METADATA").decode()


def test_installed_wheel_receives_and_answers(installed: Installed, tmp_path: Path, issuer: Issuer) -> None:
    service = Service(tmp_path, None, issuer, WEB_CONCURRENCY="1")
    service.start((str(installed.bin / "receiver"), "serve"))
    try:
        assert service.call_back(operation()).status == 202
        assert service.get("/operations/invite-1").json["done"]
        page = service.get("/", headers={"Accept": "text/html"}).body.decode()
        styles = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js|svg))', page)
        assert styles
        assert {service.get(path).status for path in styles} == {200}
        asked = installed.run("receiver", "wait", "invite-1", "--url", service.address, "--key", READ)
        assert (asked.returncode, asked.stderr) == (0, "")
    finally:
        service.stop()


def test_wheel_has_the_clients_types(installed: Installed, tmp_path: Path) -> None:
    def check(program: str) -> list[str]:
        path = tmp_path / "program.py"
        path.write_text(program)
        options = ["--strict", "--no-error-summary", "--hide-error-context", "--cache-dir", str(tmp_path)]
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", *options, "--python-executable", installed.bin / "python", path],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.stderr == ""
        return re.findall(r": error: .+\[(.+)\]$", checked.stdout, re.MULTILINE)

    assert check(USER) == []
    assert check(WRONG_TYPES) == ["union-attr", "call-arg"]


def test_no_text_names_the_package_receiver() -> None:
    """`receiver` on PyPI is another project, with a higher version: pip would install that."""
    foreign = re.compile(r"(?<!graph-call-)\breceiver\[\w+\]|\b(?:pip|pipx|uv|uvx)\b.* receiver(?![\w/.-])")
    paths = [
        *ROOT.glob("*.md"),
        *ROOT.glob("*.toml"),
        *(ROOT / "deploy").rglob("*"),
        *(ROOT / "receiver").rglob("*"),
    ]
    texts = [path for path in paths if path.suffix in {".md", ".py", ".toml", ".yaml", ".yml", ".html", ""}]
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in texts
        if path.is_file()
        for line in path.read_text().splitlines()
        if foreign.search(line)
    ]
    assert len(texts) > 100
    assert found == []


def test_the_changelog_begins_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    [first, *_] = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert first in {"Unreleased", receiver.__version__}
