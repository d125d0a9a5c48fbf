"""Commands that a document shows with their answers: read them, run them, compare the answers.

    $ curl http://127.0.0.1:8000/livez
    200 {"status": "alive"}

The number is the status of the answer; `…` stands for what is left out.
"""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.service import Service

ADDRESS = "http://127.0.0.1:8000"


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
        address = re.search(rf"{ADDRESS}[^\s']*", self.command)
        assert address, self.command
        return urlsplit(address[0]).path


def examples(text: str) -> list[Example]:
    """Return the commands with answers that a document shows."""
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shown = [one for block in blocks for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    parts = [re.split(r"^(\d{3})\b ?", one, maxsplit=1, flags=re.MULTILINE) for one in shown]
    return [Example(command, int(status), answer.strip()) for command, status, answer in parts]


def shell_commands(text: str) -> list[str]:
    """Return the commands that a document shows without answers."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


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


def assert_answer(documented: str, answer: str, ids: dict[str, str]) -> None:
    if documented.startswith("{"):
        assert_alike(without_gaps(documented), json.loads(answer), ids)
        return
    lines = iter(answer.splitlines())
    for line in filter(None, documented.splitlines()):
        name, _, data = line.partition("data: ")
        if data and not name:
            answered = next(one for one in lines if one.startswith("data: "))
            assert_alike(without_gaps(data), json.loads(answered.removeprefix("data: ")), ids)
        elif line != "…":
            begin = shape(line.removesuffix("…"))
            is_cut = line.endswith("…")
            found = any(one == begin or (is_cut and one.startswith(begin)) for one in map(shape, lines))
            assert found, f"{line} is missing, or in another place: {answer}"


def without_gaps(text: str) -> Any:
    """Read JSON from which members are left out: `…` stands for them."""
    return json.loads(re.sub(r", …(?=[,}\]])|(?<=[{\[])…(, )?", "", " ".join(text.split())))


def assert_alike(documented: Any, answered: Any, ids: dict[str, str]) -> None:
    """Compare what is documented; times and ids of entries may have other digits, and `…` ends what is cut short."""
    if isinstance(documented, dict):
        assert documented.keys() <= answered.keys()
        for name, value in documented.items():
            assert_alike(value, answered[name], ids)
    elif isinstance(documented, list):
        assert len(documented) == len(answered)
        for one, other in zip(documented, answered, strict=True):
            assert_alike(one, other, ids)
    elif isinstance(documented, str):
        begin = documented.removesuffix("…")
        assert shape(answered[: len(begin)] if begin != documented else answered) == shape(begin)
        if re.fullmatch(r"\d+-0", documented):
            ids[documented] = answered
    else:
        assert documented == answered


def shape(text: str) -> str:
    """Return times and ids of entries with zeros for digits, and what has been counted without its number."""
    text = re.sub(r"(?<=[\w}]) \d+\.0$", "", text)
    varies = r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d{13}-\d+\b"
    return re.sub(varies, lambda found: re.sub(r"\d", "0", found[0]), text)
