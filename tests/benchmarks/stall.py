"""What the metrics show while the store stands still for ten seconds, as a picture.

    python -m tests.benchmarks.stall [picture.png] [--share 0.1]

Starts a store and a receiver with a spool and one worker, posts signed notifications at a fixed rate, however long
the answers take, stops the store (SIGSTOP) in the middle, and reads `/metrics` twice a second. Draws what they show,
and prints what they said shortly before the store went on.
"""

import asyncio
import bisect
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import click
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from prometheus_client.parser import text_string_to_metric_families

from receiver.simulator.issuer import Issuer
from tests.faults.bench import receiver
from tests.support.notifications import operation
from tests.support.paths import ROOT
from tests.support.service import READ, Service
from tests.support.stores import DURABLE, StoreServer, start

PICTURE: Final = ROOT / "tests" / "benchmarks" / "stall.png"
RATE: Final = 100
SCRAPES: Final = 2
WINDOW: Final = 2 * SCRAPES
"""Scrapes over which quantiles are taken: two seconds."""

EXCERPT: Final = (
    "receiver_callback_answer_seconds_count",
    "receiver_spool_age_seconds",
    "receiver_spool_notifications",
    "receiver_slow_answers_ratio",
)

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass(frozen=True)
class Times:
    """How many seconds the store works, stands still, and works again."""

    before: float = 10.0
    stall: float = 10.0
    after: float = 15.0

    @property
    def all(self) -> float:
        return self.before + self.stall + self.after


@dataclass(frozen=True)
class Scrape:
    """What `/metrics` showed, and when, in seconds since the beginning."""

    at: float
    text: str
    samples: Samples

    def value(self, name: str, **labels: str) -> float:
        return self.samples.get((name, tuple(sorted(labels.items()))), 0.0)

    def buckets(self, name: str) -> dict[float, float]:
        """Return a histogram's counts by their upper bounds, all its series added up."""
        counts: defaultdict[float, float] = defaultdict(float)
        for (sample, labels), value in self.samples.items():
            if sample == f"{name}_bucket":
                counts[float(dict(labels)["le"])] += value
        return dict(sorted(counts.items()))


class Senders:
    """Posts notifications on connections that are kept; a new one where none is free."""

    def __init__(self, service: Service) -> None:
        self._port = service.port
        self._token = service.token()
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.answers: Counter[int] = Counter()
        self.slowest = 0.0

    async def post(self, number: int) -> None:
        name = f"invite-{number}"
        body = json.dumps({"value": [operation(cc=name, op=name)]})
        head = f"POST /callback HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n"
        began = time.monotonic()
        reader, writer = (
            self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        )
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(headers.partition("content-length: ")[2].partition("\r")[0] or 0))
        self._free.append((reader, writer))
        self.answers[int(headers.split()[1])] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


async def measure(service: Service, store: StoreServer, times: Times) -> tuple[list[Scrape], Senders]:
    """Send, stall and scrape; return what was shown."""
    senders, scrapes = Senders(service), []
    began = time.monotonic()

    async def send() -> None:
        async with asyncio.TaskGroup() as posts:
            for number in range(int(RATE * times.all)):
                await asyncio.sleep(began + number / RATE - time.monotonic())
                posts.create_task(senders.post(number))

    async def scrape() -> None:
        for number in range(int(SCRAPES * times.all) + 1):
            await asyncio.sleep(began + number / SCRAPES - time.monotonic())
            asked_at = time.monotonic() - began
            text = (await asyncio.to_thread(service.get, "/metrics", key=READ)).body.decode()
            scrapes.append(Scrape(asked_at, text, read(text)))

    async def stall() -> None:
        await asyncio.sleep(times.before)
        store.stall()
        await asyncio.sleep(times.stall)
        store.go_on()

    await asyncio.gather(send(), scrape(), stall())
    senders.close()
    return scrapes, senders


def read(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def rate(scrapes: list[Scrape], outcome: str) -> list[float]:
    """Return answers a second, at each scrape but the first."""
    name = "receiver_callback_answer_seconds_count"
    return [
        (now.value(name, outcome=outcome) - before.value(name, outcome=outcome)) / (now.at - before.at)
        for before, now in pairwise(scrapes)
    ]


def percentile(scrapes: list[Scrape], name: str, share: float = 0.99) -> list[float]:
    """Return a histogram's quantile over the last two seconds, at each scrape but the first, as Prometheus does."""
    return [
        quantile(scrapes[max(0, index - WINDOW)].buckets(name), now.buckets(name), share)
        for index, now in enumerate(scrapes)
        if index
    ]


def quantile(before: dict[float, float], now: dict[float, float], share: float) -> float:
    bounds = list(now)
    counts = [now[bound] - before.get(bound, 0.0) for bound in bounds]
    if not counts or not counts[-1]:
        return float("nan")
    wanted = share * counts[-1]
    place = bisect.bisect_left(counts, wanted)
    lower, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    if bounds[place] == float("inf"):
        return lower
    return lower + (bounds[place] - lower) * (wanted - below) / (counts[place] - below)


def draw(scrapes: list[Scrape], times: Times, path: Path) -> None:
    mpl.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(9.6, 8.8), layout="constrained", facecolor="white")
    panels = figure.subplots(5, 1, sharex=True, gridspec_kw={"height_ratios": [1.3, 1, 1, 1, 1]})
    answers, duration, depth, age, store = panels
    at = [scrape.at for scrape in scrapes]

    accepted, failed = rate(scrapes, "accepted"), rate(scrapes, "failed")
    answers.plot(at[1:], accepted, color="#009E73", linewidth=2, label="202, stored")
    answers.plot(at[1:], failed, color="#D55E00", linewidth=2, label="5xx, refused")
    answers.legend(loc="upper right", ncols=2, frameon=False)
    title(answers, "Answers to Graph a second", "receiver_callback_answer_seconds_count")

    duration.plot(
        at[1:], percentile(scrapes, "receiver_callback_answer_seconds"), color="#0072B2", linewidth=2
    )
    duration.axhline(2.9, color="#D55E00", linestyle="--", linewidth=1.2)
    duration.annotate("2.9 s: what Graph counts as slow", (at[-1], 2.9), (0, -4), textcoords="offset points",
                  ha="right", va="top", color="#D55E00", fontsize=10)  # fmt: skip
    duration.set_ylim(0, 3.2)
    title(duration, "99th percentile of the answer time, seconds", "receiver_callback_answer_seconds_bucket")

    filled(depth, at, [scrape.value("receiver_spool_notifications") for scrape in scrapes], "#CC79A7")
    title(depth, "Notifications in the spool", "receiver_spool_notifications")
    filled(age, at, [scrape.value("receiver_spool_age_seconds") for scrape in scrapes], "#E69F00")
    title(age, "Age of the oldest of them, seconds", "receiver_spool_age_seconds")

    round_trips = percentile(scrapes, "receiver_store_round_trip_seconds")  # none where none has ended
    store.plot(at[1:], round_trips, color="#56B4E9", marker=".", linewidth=2)
    title(
        store,
        "99th percentile of the store's round trips, seconds",
        "receiver_store_round_trip_seconds_bucket",
    )
    store.set_ylim(0, 3.2)
    store.set_xlabel("seconds")

    for axes in panels:
        axes.axvspan(times.before, times.before + times.stall, color="#eeeeee", zorder=0)
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlim(0, at[-1])
        axes.tick_params(length=0)
    answers.set_ylim(bottom=0, top=max([*accepted, *failed]) * 1.25)
    middle = times.before + times.stall / 2
    answers.annotate("the store stands still (SIGSTOP)", (middle, 1), xycoords=("data", "axes fraction"),
                     xytext=(0, -6), textcoords="offset points", ha="center", va="top", color="#555555")  # fmt: skip
    figure.savefig(path, dpi=130)


def title(axes: Axes, text: str, series: str) -> None:
    axes.set_title(text, loc="left", fontsize=11, fontweight="bold")
    axes.set_title(series, loc="right", fontsize=9, color="#777777", family="monospace")


def filled(axes: Axes, times: list[float], values: list[float], colour: str) -> None:
    axes.plot(times, values, color=colour, linewidth=2)
    axes.fill_between(times, values, color=colour, alpha=0.25, linewidth=0)
    axes.set_ylim(bottom=0)


def report(scrapes: list[Scrape], senders: Senders, times: Times, write: Callable[[str], None]) -> None:
    last = max(
        (one for one in scrapes if one.at < times.before + times.stall - 0.25), key=lambda scrape: scrape.at
    )
    write(f"At {last.at:.1f} s, {last.at - times.before:.1f} s after the store stopped, /metrics said:")
    for line in last.text.splitlines():
        if line.startswith(EXCERPT):
            write(f"  {line}")
    answers = ", ".join(f"{count} with {status}" for status, count in sorted(senders.answers.items()))
    write(
        f"{RATE} notifications a second were answered: {answers}; the slowest after {senders.slowest:.2f} s."
    )
    emptied = next(
        one.at
        for one in scrapes
        if one.at > times.before + times.stall and not one.value("receiver_spool_notifications")
    )
    most = max(one.value("receiver_spool_notifications") for one in scrapes)
    took = emptied - times.before - times.stall
    write(f"The spool held {most:.0f}, and was empty {took:.1f} s after the store went on.")


@contextmanager
def started() -> Iterator[tuple[Service, StoreServer]]:
    with (
        start(options=DURABLE) as store,
        Issuer(key_file=None) as issuer,
        tempfile.TemporaryDirectory() as folder,
        receiver(Path(folder), store.url, issuer, WEB_CONCURRENCY="1") as service,
    ):
        yield service, store


@click.command(help=__doc__)
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path), default=PICTURE)
@click.option("--share", default=1.0, show_default=True, help="Take so much of the 35 seconds.")
def main(picture: Path, share: float) -> None:
    times = Times(*(share * seconds for seconds in (Times.before, Times.stall, Times.after)))
    click.echo(f"This takes {times.all:.0f} s.", err=True)
    with started() as (service, store):
        scrapes, senders = asyncio.run(measure(service, store, times))
    draw(scrapes, times, picture)
    report(scrapes, senders, times, click.echo)


if __name__ == "__main__":
    main()
