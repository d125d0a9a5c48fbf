"""The load generator: wrk (Debian's package) with a script made for each load.

wrk sends what its script's `request` returns. A request is cut where numbers stand, and glued together again around
the next number, which costs wrk some microseconds; the table shows how much of its core it takes.
"""

import json
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.callback import items
from tests.benchmarks.callback.load import Load
from tests.benchmarks.callback.servers import READ_KEY

_GRAPH_HEADERS: Final = (
    "User-Agent: Microsoft-Skype/3.0,(Calling/1.0)",
    "Content-Type: application/json; charset=utf-8",
    f"X-Microsoft-Skype-Message-ID: 5a9e4a10-0000-4000-8000-{items.MARK}",
    f"X-Microsoft-Skype-Chain-ID: 5a9e4a11-0000-4000-8000-{items.MARK}",
)
_POSTS: Final = """
number = 0
local turn = 0
function request()
  local phase = phases[turn % #phases + 1]
  if turn % #phases == 0 then number = number + items end
  turn = turn + 1
  local written = {}
  for index = 1, items do
    written[index] = table.concat(phase.item, string.format('%012x', number - items + index))
  end
  return table.concat(phase.head, string.format('%012x', turn)) .. table.concat(written, ',') .. phase.tail
end
"""
_QUERIES: Final = """
number = 0
function request()
  return table.concat(head, string.format('%012x', math.random(records)))
end
"""
_DONE: Final = """
local thread
function setup(one) thread = one end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"number":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), thread:get('number'),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """What wrk counted.

    Args:
        series: the series of what was posted.
        newest: the highest number of the series that was sent, though perhaps not answered any more.
        answered: requests answered with a status below 400.
        seconds: how long it ran.
        median: latency in ms, from the request's first byte to the answer's last.
        slowest: the 99th percentile of the same.
        errors: connections that failed, time-outs, and answers with a status of 400 or more.
    """

    series: str
    newest: int
    answered: int
    seconds: float
    median: float
    slowest: float
    errors: int


class Wrk:
    """Sends loads.

    Args:
        token: the callback's.
        folder: for the script.
    """

    def __init__(self, token: str, folder: Path) -> None:
        self._token = token
        self._file = folder / "load.lua"

    def run(self, load: Load, port: int, seconds: int) -> Counted:
        """Send a load for some seconds.

        Raises:
            RuntimeError: nothing was answered well.
        """
        series = secrets.token_hex(4)
        self._file.write_text(
            _query_script(load, port) if load.kind == "query" else self._script(load, series, port)
        )
        options = [f"-d{seconds}s", "-t1", f"-c{load.connections}", "--timeout", "10s", "-s", str(self._file)]
        command = ["wrk", *options, f"http://127.0.0.1:{port}/"]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        counted = json.loads(output.splitlines()[-1])
        if counted["requests"] == counted["status"]:
            raise RuntimeError(f"{load.name}: no answer below 400 in {seconds} s; wrk says {counted}")
        return Counted(
            series=series,
            newest=counted["number"],
            answered=counted["requests"] - counted["status"],
            seconds=counted["microseconds"] / 1e6,
            median=counted["p50"] / 1000,
            slowest=counted["p99"] / 1000,
            errors=sum(counted[kind] for kind in ("connect", "read", "write", "timeout", "status")),
        )

    def _script(self, load: Load, series: str, port: int) -> str:
        phases = []
        before, after = items.body("ITEMS").split('"ITEMS"')
        for status in ("running", "completed") if load.kind == "lives" else ("completed",):
            item = items.invitation(series, status=status)
            length = len(items.body(*[item] * load.items))
            own = (f"Authorization: Bearer {self._token}", *_GRAPH_HEADERS, f"Content-Length: {length}")
            head = _head("POST", "/callback", port, load, *own) + before
            phases.append(f"{{head = {_cut(head)}, item = {_cut(items.text(item))}, tail = {_lua(after)}}}")
        return f"items = {load.items}\nphases = {{{', '.join(phases)}}}\n{_POSTS}{_DONE}"


def _query_script(load: Load, port: int) -> str:
    path = f"/operations/{items.client_context(items.FILLING, items.MARK)}"
    head = _head("GET", path, port, load, f"Authorization: Bearer {READ_KEY}")
    return f"records = {load.records}\nhead = {_cut(head)}\n{_QUERIES}{_DONE}"


def _head(method: str, path: str, port: int, load: Load, *headers: str) -> str:
    connection = ("Connection: close",) if load.close else ()
    lines = (f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, *connection, "", "")
    return "\r\n".join(lines)


def _cut(text: str) -> str:
    """Write a text as a Lua list of what stands between the marks."""
    return f"{{{', '.join(_lua(part) for part in text.split(items.MARK))}}}"


def _lua(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
    return f'"{escaped}"'
