"""How much thousands of open streams and waiters cost one worker, and how soon they learn.

    python -m tests.benchmarks.streams [STREAMS] [WAITERS] [RATE] [--seconds N]

Starts a store and a receiver with one worker, opens streams (each of one client context, and some of everything)
and waiters, then posts signed notifications at a fixed rate. Prints the worker's memory for each, and the time from
the answer to the POST to the event at the stream, or to the waiter's answer; for the streams of everything, to the
last of them.
"""

import asyncio
import json
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median, quantiles

import click
import psutil

from receiver.simulator.issuer import Issuer
from tests.support import stores
from tests.support.notifications import operation
from tests.support.service import READ, Service

OF_EVERYTHING = 20


class Clock:
    """When each notification was answered, and when each client that follows it got it."""

    def __init__(self) -> None:
        self.answered: dict[str, float] = {}
        self.received: dict[str, dict[str, float]] = {kind: {} for kind in ("stream", "everything", "waiter")}
        self.copies: dict[str, int] = defaultdict(int)

    def event(self, kind: str, name: str) -> None:
        self.copies[kind] += 1
        self.received[kind][name] = time.perf_counter()  # the last one counts

    def report(self, kind: str) -> str:
        waits = sorted(
            max(0.0, at - self.answered[name]) * 1000
            for name, at in self.received[kind].items()
            if name in self.answered
        )
        slowest = quantiles(waits, n=100)[98]
        return f"{self.copies[kind]} events, median {median(waits):.1f} ms, 99th percentile {slowest:.1f} ms"


async def follow(port: int, query: str, kind: str, clock: Clock, ready: asyncio.Semaphore) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    writer.write(f"GET /events{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"retry"):
                ready.release()
            elif line.startswith(b"data: ") and line != b"data: {}\n":  # a bookmark
                clock.event(kind, json.loads(line[6:])["clientContext"])
    finally:
        writer.close()


async def wait(port: int, name: str, clock: Clock) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET /operations/{name}?wait=25 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n\r\n"
    writer.write(request.encode())
    try:
        if (await reader.readline()).startswith(b"HTTP/1.1 200"):
            clock.event("waiter", name)
    finally:
        writer.close()


async def post(port: int, token: str, names: asyncio.Queue[str], clock: Clock) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while name := await names.get():
        body = json.dumps({"value": [operation(cc=name, op=name)]}).encode()
        head = f"POST /callback HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        writer.write(
            f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        status = await reader.readline()
        while (line := await reader.readline()) != b"\r\n":
            assert not line.lower().startswith(b"content-length") or line.endswith(b" 0\r\n")
        assert b"202" in status, status
        clock.answered[name] = time.perf_counter()
    writer.close()


async def measure(service: Service, streams: int, waiters: int, rate: int, seconds: int) -> None:
    assert service.process
    worker = psutil.Process(service.process.pid).children()[0]
    port, clock, ready = service.port, Clock(), asyncio.Semaphore(0)
    service.call_back(operation(cc="first"))
    before = worker.memory_info().rss
    names = [f"cc-{number}" for number in range(max(streams, waiters, rate * seconds))]
    tasks = [asyncio.create_task(follow(port, "", "everything", clock, ready)) for _ in range(OF_EVERYTHING)]
    for start in range(0, streams, 100):
        some = [f"?clientContext={name}" for name in names[start : start + 100]]
        tasks += [asyncio.create_task(follow(port, query, "stream", clock, ready)) for query in some]
        await asyncio.sleep(0.1)
    for _ in range(streams + OF_EVERYTHING):
        await ready.acquire()
    streaming = worker.memory_info().rss
    print(f"{streams} streams: {(streaming - before) / (streams + OF_EVERYTHING) / 1024:.1f} KiB each")
    for start in range(0, waiters, 100):
        tasks += [asyncio.create_task(wait(port, name, clock)) for name in names[start : start + 100]]
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    waiting = worker.memory_info().rss
    print(f"{waiters} waiters: {(waiting - streaming) / max(1, waiters) / 1024:.1f} KiB each")
    print(f"the worker holds {waiting / 2**20:.0f} MiB; without them {before / 2**20:.0f} MiB")

    queue: asyncio.Queue[str] = asyncio.Queue()
    senders = [asyncio.create_task(post(port, service.token(), queue, clock)) for _ in range(16)]
    began = time.perf_counter()
    for number, name in enumerate(names[: rate * seconds]):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        queue.put_nowait(name)
    await asyncio.sleep(3)
    for _ in senders:
        queue.put_nowait("")
    await asyncio.gather(*senders)
    print(f"{len(clock.answered)} notifications at {rate}/s, all answered 202")
    for kind in ("stream", "waiter", "everything"):
        print(f"{kind:10} {clock.report(kind)}")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@click.command(help=__doc__)
@click.argument("streams", type=click.IntRange(min=1), default=2000)
@click.argument("waiters", type=click.IntRange(min=0), default=2000)
@click.argument("rate", type=click.IntRange(min=1), default=200)
@click.option(
    "--seconds", type=click.IntRange(min=1), default=10, show_default=True, help="How long to post."
)
def main(streams: int, waiters: int, rate: int, seconds: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 20_000 if most == resource.RLIM_INFINITY else min(20_000, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    with (
        stores.start() as store,
        Issuer(key_file=None) as issuer,
        tempfile.TemporaryDirectory() as folder,
        Service(Path(folder), store.url, issuer, WEB_CONCURRENCY="1", LOG_LEVEL="warning") as service,
    ):
        try:
            asyncio.run(measure(service, streams, waiters, rate, seconds))
        finally:
            print(service.log, end="")


if __name__ == "__main__":
    main()
