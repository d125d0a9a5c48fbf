"""Ten times the capacity: the responses, their times, what is shed first, and how soon the receiver recovers.

A steady light load runs before and after; its responses show when the receiver has recovered.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Final

import psutil

from tests.faults.account import IN_TIME
from tests.faults.bench import Bench, bench
from tests.faults.flood import Phase, Post, Sent, Target, client_context, flood
from tests.support.service import READ
from tests.support.store_proxy import narrow

SLOW_STORE: Final = 100
"""Notifications a second that fit through the store's narrow connection."""

BYTES_EACH: Final = 320
"""Bytes of one notification on that connection."""

SATURATING: Final = 64
"""Clients without pause that keep one worker busy."""

LIGHT: Final = 60
"""Notifications a second before and after an overload."""

READS: Final = 20
"""Reads a second beside an overload."""

RECOVERED_WITHIN: Final = 5.0
"""Seconds within which the receiver recovers after an overload."""

REFUSED_WITHIN: Final = 0.05
"""Seconds within which 99 of 100 refusals arrive."""

MORE_MEMORY: Final = 300.0
"""MiB that a worker may take in an overload: its 10,000 connections, with some 25 KiB each, and little else."""

TIMES: Final = 10
SECONDS: Final = 30.0
_BEFORE: Final = 3.0
AFTER: Final = 7.0
"""Seconds of the light load after an overload."""

_SAMPLE_SECONDS: Final = 0.1
_WINDOW: Final = 0.5
_NOISE: Final = 0.005
_TRIAL: Final = 3.0
_PROCESSES: Final = 2


@dataclass(frozen=True)
class Overload:
    """The result of an overload.

    Args:
        offered: notifications a second during the overload.
        sent: all notifications.
        accepted: notifications answered 202.
        found: accepted notifications that are stored afterwards, once and right.
        refused: notifications answered 503.
        reads: reads sent beside them.
        reads_refused: reads answered 503.
        other: requests answered otherwise than 202, 200 or 503, or not at all.
        slowest: seconds until the slowest response.
        refusals: seconds until the 503s: median, 99th percentile, slowest.
        memory: MiB of the worker before, at most, and after.
        accepting: seconds from the end of the overload until everything is accepted again.
        recovery: the same until it is accepted as quickly as before; with a spool, that is being drained meanwhile.
    """

    name: str
    offered: float
    sent: int
    accepted: int
    found: int
    refused: int
    reads: int
    reads_refused: int
    other: int
    slowest: float
    refusals: tuple[float, float, float]
    memory: tuple[float, float, float]
    accepting: float
    recovery: float

    @property
    def defects(self) -> list[str]:
        """Results that are wrong on any machine."""
        trouble = {
            "nothing was accepted": not self.accepted,
            "not all is found": self.accepted != self.found,
            "something else than 202 or 503": self.other,
        }
        return [what for what, is_so in trouble.items() if is_so]

    @property
    def missed(self) -> list[str]:
        """The targets that were missed."""
        _, almost_all, _ = self.refusals
        before, most, _ = self.memory
        figures = (
            ("slowest answer", self.slowest, IN_TIME, "s"),
            ("99 % of the 503s", almost_all, REFUSED_WITHIN, "s"),
            ("more memory", most - before, MORE_MEMORY, "MiB"),
            ("all accepted again", self.accepting, RECOVERED_WITHIN, "s"),
            ("as quick as before", self.recovery, RECOVERED_WITHIN, "s"),
        )
        return [f"{what} {is_:.3g} > {most_} {unit}" for what, is_, most_, unit in figures if is_ > most_]

    @property
    def share_refused(self) -> float:
        """The share of refused notifications."""
        return self.refused / self.sent

    @property
    def share_of_reads_refused(self) -> float:
        """The share of refused reads."""
        return self.reads_refused / self.reads


def slow_store(
    name: str, seconds: float, after: float = AFTER, *, times: float = TIMES, spool: bool = True
) -> Overload:
    """Send ten times as much as fits through the connection to the store."""
    with _one_worker(spool=spool) as made:
        made.await_recovery(30)  # the store has the scripts, which would block the connection for seconds
        made.proxy.suffer(narrow(SLOW_STORE * BYTES_EACH))
        return _measure(made, name, after, Phase(seconds, rate=SLOW_STORE * times, reads=READS))


def many_clients(
    name: str, seconds: float, after: float = AFTER, *, times: int = TIMES, spool: bool = True
) -> Overload:
    """Let ten times as many clients send without pause as keep a worker busy."""
    with _one_worker(spool=spool) as made:
        return _measure(made, name, after, Phase(seconds, clients=SATURATING * times, reads=READS))


def ten_times_the_rate(name: str, seconds: float, after: float = AFTER) -> Overload:
    """Measure the capacity of a worker, and send ten times as much, or as much as this machine can."""
    with _one_worker(spool=False) as made:
        trial = flood(_target(made, "trial"), [Phase(_TRIAL, clients=SATURATING)])
        rate = sum(post.status == 202 for post in trial.posts) / (trial.marks[1] - trial.marks[0])
        phase = Phase(seconds, rate=rate * TIMES, reads=READS)
        result = _measure(made, name, after, phase, processes=_PROCESSES)
        return replace(result, name=f"{name} of {rate:.0f}/s")


OVERLOADS: Final = (
    partial(slow_store, "slow store, no spool", spool=False),
    partial(slow_store, "slow store"),
    partial(many_clients, "640 clients, no spool", spool=False),
    partial(many_clients, "640 clients"),
    partial(many_clients, "1920 clients", times=3 * TIMES),
    partial(ten_times_the_rate, "ten times the rate"),
)


@contextmanager
def _one_worker(*, spool: bool) -> Iterator[Bench]:
    with bench(WEB_CONCURRENCY="1") if spool else bench(WEB_CONCURRENCY="1", RECEIVER_SPOOL="") as made:
        yield made


def _measure(made: Bench, name: str, after: float, phase: Phase, *, processes: int = 1) -> Overload:
    [worker] = made.workers()
    before = _memory(worker)
    phases = [Phase(_BEFORE, rate=LIGHT), phase, Phase(after, rate=LIGHT)]
    with _memory_readings(worker) as readings:
        sent = flood(_target(made, name), phases, processes=processes)
    left = _memory(worker)
    made.proxy.recover()
    made.await_recovery(120)
    _, began, ended, _ = sent.marks
    refused = sorted(post.seconds for post in sent.posts if post.status == 503)
    accepted = {post.number for post in sent.posts if post.status == 202}
    answers = Counter(read.status for read in sent.reads)
    usual = median(post.seconds for post in sent.posts if post.due < began)
    return Overload(
        name=name,
        offered=sum(began <= post.due < ended for post in sent.posts) / (ended - began),
        sent=len(sent.posts),
        accepted=len(accepted),
        found=_found(made, name, accepted),
        refused=len(refused),
        reads=len(sent.reads),
        reads_refused=answers[503],
        other=len(sent.posts) - len(accepted) - len(refused) + len(sent.reads) - answers[200] - answers[503],
        slowest=max(one.seconds for one in (*sent.posts, *sent.reads)),
        refusals=(_percentile(refused, 50), _percentile(refused, 99), max(refused, default=0.0)),
        memory=(before, max(readings), left),
        accepting=_seconds_until_good(sent, lambda posts: any(post.status != 202 for post in posts)),
        recovery=_seconds_until_good(
            sent, lambda posts: median(post.seconds for post in posts) > 2 * usual + _NOISE
        ),
    )


def _target(made: Bench, name: str) -> Target:
    return Target(made.service.port, made.service.token(), READ, name)


def _found(made: Bench, name: str, accepted: set[int]) -> int:
    """Count the accepted notifications with one record that is right."""
    client = made.store.client
    texts = [client.get(key) for key in client.scan_iter("receiver:{0}:op:*", 1000)]
    records = [json.loads(text) for text in texts if text]
    seen = Counter(record["cc"] for record in records)
    right = {
        record["cc"]
        for record in records
        if record["status"] == "completed"
        and (record["news"], record["dups"]) == (1, 0)
        and seen[record["cc"]] == 1
    }
    return sum(client_context(name, number) in right for number in accepted)


def _seconds_until_good(sent: Sent, is_bad: Callable[[list[Post]], bool]) -> float:
    """Return the seconds after the overload until no window is bad any more, in half seconds.

    Speed is measured by the median: other work of the machine affects the slowest notifications.
    """
    end = sent.marks[2]
    windows = defaultdict(list)
    for post in sent.posts:
        if post.due >= end:
            windows[int((post.due - end) / _WINDOW)].append(post)
    bad = [number for number, posts in windows.items() if is_bad(posts)]
    return (max(bad, default=-1) + 1) * _WINDOW


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


@contextmanager
def _memory_readings(worker: psutil.Process) -> Iterator[list[float]]:
    """Yield a list that collects samples of a worker's memory."""
    readings: list[float] = []
    end = threading.Event()

    def watch() -> None:
        while not end.wait(_SAMPLE_SECONDS):
            readings.append(_memory(worker))

    sampler = threading.Thread(target=watch, daemon=True)
    sampler.start()
    try:
        yield readings
    finally:
        end.set()
        sampler.join()


def _memory(worker: psutil.Process) -> float:
    return float(worker.memory_info().rss) / (1 << 20)
