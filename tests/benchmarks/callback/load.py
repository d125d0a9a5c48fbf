"""What is sent, and how: wrk (Debian's package) with a script made for each load."""

import json
import resource
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tests.benchmarks.callback import news
from tests.benchmarks.callback.servers import READ_KEY, Server

_GRAPH_HEADERS: Final = (
    "User-Agent: Microsoft-Skype/3.0,(Calling/1.0)",
    "Content-Type: application/json; charset=utf-8",
    f"X-Microsoft-Skype-Message-ID: 5a9e4a10-0000-4000-8000-{news.MARK}",
    f"X-Microsoft-Skype-Chain-ID: 5a9e4a11-0000-4000-8000-{news.MARK}",
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
  return table.concat(phase.head, string.format('%012x', number)) .. table.concat(written, ',') .. phase.tail
end
"""
_QUERIES: Final = """
number = 0
function request()
  number = number + 1
  return table.concat(head, string.format('%012x', math.random(records)))
end
"""
_DONE: Final = """
local thread
function setup(one) thread = one end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"numbers":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), thread:get('number'),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk does.

    Args:
        name: for `--only` and the table.
        connections: how many at once.
        items: notifications in a POST.
        close: a new connection for each request, as Graph does, instead of kept-alive ones.
        kind: `news` posts completed invitations, `lives` for each first that it runs, then its result; `query`
            asks for invitations that are stored.
        records: how many are stored before.
    """

    name: str
    connections: int
    items: int = 1
    close: bool = False
    kind: str = "news"
    records: int = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What wrk counted and what it cost. Latencies in ms; CPU of the server in s, of wrk and store as shares.

    Args:
        series: what was posted.
        numbers: how many numbers of the series were used, for answers that wrk did not wait for, too.
        errors: connections that failed, time-outs, and answers with a status of 400 or more.
    """

    series: str
    numbers: int
    requests: int
    seconds: float
    median: float
    slowest: float
    errors: int
    cpu: float
    wrk_share: float
    store_share: float


class Wrk:
    """Sends loads.

    Args:
        store: the store's process, to see what share of the core it takes.
        token: the callback's.
        folder: for scripts.
    """

    def __init__(self, store: psutil.Process, token: str, folder: Path) -> None:
        self._store = store
        self._token = token
        self._script_file = folder / "load.lua"

    def run(self, load: Load, server: Server, seconds: int) -> Outcome:
        """Send a load to a server for some seconds."""
        series = secrets.token_hex(4)
        self._script_file.write_text(_script(load, series, server.port, self._token))
        options = [
            f"-d{seconds}s",
            "-t1",
            f"-c{load.connections}",
            "--timeout",
            "10s",
            "-s",
            self._script_file,
        ]
        command = ["wrk", *options, f"http://127.0.0.1:{server.port}/"]
        cpu, wrk_cpu, store_cpu = server.cpu_seconds(), _wrk_cpu(), _cpu(self._store)
        began = time.monotonic()
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        elapsed = time.monotonic() - began
        counted = json.loads(output.splitlines()[-1])
        return Outcome(
            series=series,
            numbers=counted["numbers"],
            requests=counted["requests"] - counted["status"],
            seconds=counted["microseconds"] / 1e6,
            median=counted["p50"] / 1000,
            slowest=counted["p99"] / 1000,
            errors=sum(counted[kind] for kind in ("connect", "read", "write", "timeout", "status")),
            cpu=server.cpu_seconds() - cpu,
            wrk_share=(_wrk_cpu() - wrk_cpu) / elapsed,
            store_share=(_cpu(self._store) - store_cpu) / elapsed,
        )


def _script(load: Load, series: str, port: int, token: str) -> str:
    connection = ("Connection: close",) if load.close else ()
    if load.kind == "query":
        path = f"/operations/{news.client_context(news.FILLING, news.MARK)}"
        head = _head("GET", path, port, f"Authorization: Bearer {READ_KEY}", *connection)
        return f"records = {load.records}\nhead = {_cut(head)}\n{_QUERIES}{_DONE}"
    phases = ("running", "completed") if load.kind == "lives" else ("completed",)
    written = []
    for status in phases:
        item = news.invitation(series, status=status)
        length = len(news.body(*[item] * load.items))
        before, after = news.body("ITEMS").split('"ITEMS"')
        own = (f"Authorization: Bearer {token}", *_GRAPH_HEADERS, f"Content-Length: {length}", *connection)
        head = _head("POST", "/callback", port, *own) + before
        written.append(f"{{head = {_cut(head)}, item = {_cut(news.text(item))}, tail = {_lua(after)}}}")
    return f"items = {load.items}\nphases = {{{', '.join(written)}}}\n{_POSTS}{_DONE}"


def _head(method: str, path: str, port: int, *headers: str) -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""])


def _cut(text: str) -> str:
    """Write a text as a Lua list of what stands between the marks."""
    return f"{{{', '.join(_lua(part) for part in text.split(news.MARK))}}}"


def _lua(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
    return f'"{escaped}"'


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _wrk_cpu() -> float:
    """Return the CPU seconds of all processes that were waited for: only wrk between two calls."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
