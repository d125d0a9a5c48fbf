"""Ten times what can be done: what is answered, how late, what is shed first, and how soon all is as before.

A steady light load runs before and after; what comes of it tells when a receiver has recovered.
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
from tests.faults.flood import Aim, Phase, Post, Sent, client_context, flood
from tests.support.service import READ
from tests.support.store_proxy import narrow

SLOW_STORE: Final = 100
"""Notifications a second that the store's narrow way lets through."""

BYTES_EACH: Final = 320
"""What one notification takes of that way."""

SATURATING: Final = 64
"""Clients that never rest, and keep one worker busy."""

LIGHT: Final = 60
"""Notifications a second before and after."""

READS: Final = 20
"""Reads a second beside an overload."""

RECOVERED_WITHIN: Final = 5.0
"""Seconds after an overload in which all is as before."""

REFUSED_WITHIN: Final = 0.05
"""Seconds in which 99 of 100 refusals are there."""

MORE_MEMORY: Final = 300.0
"""MiB that a worker may take in an overload: its 10,000 connections, with some 25 KiB each, and little else."""

TIMES: Final = 10
SECONDS: Final = 30.0
_BEFORE: Final = 3.0
AFTER: Final = 7.0
"""Seconds for which it is watched what comes after."""

_LOOK_EVERY: Final = 0.1
_WINDOW: Final = 0.5
_NOISE: Final = 0.005
_TRIAL: Final = 3.0
_PROCESSES: Final = 2


@dataclass(frozen=True)
class Overload:
    """What came of an overload.

    Args:
        offered: notifications a second that were sent while it lasted.
        sent: notifications.
        accepted: answered 202.
        found: of these, those that are in the store afterwards, once and right.
        refused: answered 503.
        reads: sent beside it.
        reads_refused: of these, answered 503.
        other: of all, those answered anything else than 202, 200 or 503, or not at all.
        slowest: seconds until the last answer of all.
        refusals: the same of the 503s: median, 99th percentile, slowest.
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
        """What must not be, on any machine."""
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
        """The notifications refused, of all."""
        return self.refused / self.sent

    @property
    def share_of_reads_refused(self) -> float:
        """The reads refused, of all."""
        return self.reads_refused / self.reads


def slow_store(
    name: str, seconds: float, after: float = AFTER, *, times: float = TIMES, spool: bool = True
) -> Overload:
    """Offer ten times as much as the way to the store lets through."""
    with _one_worker(spool=spool) as made:
        made.recovered(30)  # the store has the scripts, which would take the way for seconds
        made.proxy.suffer(narrow(SLOW_STORE * BYTES_EACH))
        return _measure(made, name, after, Phase(seconds, rate=SLOW_STORE * times, reads=READS))


def many_clients(
    name: str, seconds: float, after: float = AFTER, *, times: int = TIMES, spool: bool = True
) -> Overload:
    """Let ten times as many clients send without a rest as keep a worker busy."""
    with _one_worker(spool=spool) as made:
        return _measure(made, name, after, Phase(seconds, clients=SATURATING * times, reads=READS))


def ten_times_the_pace(name: str, seconds: float, after: float = AFTER) -> Overload:
    """Find out what a worker can do, and offer ten times that, or as much as this machine can, without waiting."""
    with _one_worker(spool=False) as made:
        trial = flood(_aim(made, "trial"), [Phase(_TRIAL, clients=SATURATING)])
        pace = sum(post.status == 202 for post in trial.posts) / (trial.marks[1] - trial.marks[0])
        phase = Phase(seconds, rate=pace * TIMES, reads=READS)
        came = _measure(made, name, after, phase, processes=_PROCESSES)
        return replace(came, name=f"{name} of {pace:.0f}/s")


OVERLOADS: Final = (
    partial(slow_store, "slow store, no spool", spool=False),
    partial(slow_store, "slow store"),
    partial(many_clients, "640 clients, no spool", spool=False),
    partial(many_clients, "640 clients"),
    partial(many_clients, "1920 clients", times=3 * TIMES),
    partial(ten_times_the_pace, "ten times the pace"),
)


@contextmanager
def _one_worker(*, spool: bool) -> Iterator[Bench]:
    with bench(WEB_CONCURRENCY="1") if spool else bench(WEB_CONCURRENCY="1", RECEIVER_SPOOL="") as made:
        yield made


def _measure(made: Bench, name: str, after: float, phase: Phase, *, processes: int = 1) -> Overload:
    [worker] = made.workers()
    before = _memory(worker)
    phases = [Phase(_BEFORE, rate=LIGHT), phase, Phase(after, rate=LIGHT)]
    with _watched(worker) as readings:
        sent = flood(_aim(made, name), phases, processes=processes)
    left = _memory(worker)
    made.proxy.recover()
    made.recovered(120)
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
        refusals=(_at(refused, 50), _at(refused, 99), max(refused, default=0.0)),
        memory=(before, max(readings), left),
        accepting=_last(sent, lambda posts: any(post.status != 202 for post in posts)),
        recovery=_last(sent, lambda posts: median(post.seconds for post in posts) > 2 * usual + _NOISE),
    )


def _aim(made: Bench, name: str) -> Aim:
    return Aim(made.service.port, made.service.token(), READ, name)


def _found(made: Bench, name: str, accepted: set[int]) -> int:
    """Count those whose record is right, and has heard of them once."""
    client = made.store.client
    texts = [client.get(key) for key in client.scan_iter("receiver:{0}:op:*", 1000)]
    records = [json.loads(text) for text in texts if text]
    heard = Counter(record["cc"] for record in records)
    right = {
        record["cc"]
        for record in records
        if record["status"] == "completed"
        and (record["news"], record["dups"]) == (1, 0)
        and heard[record["cc"]] == 1
    }
    return sum(client_context(name, number) in right for number in accepted)


def _last(sent: Sent, is_bad: Callable[[list[Post]], bool]) -> float:
    """Return the seconds after the overload until nothing is bad any more, by half seconds.

    How quick it is, half of the notifications tell: what else the machine does shows in the slowest ones.
    """
    end = sent.marks[2]
    windows = defaultdict(list)
    for post in sent.posts:
        if post.due >= end:
            windows[int((post.due - end) / _WINDOW)].append(post)
    bad = [number for number, posts in windows.items() if is_bad(posts)]
    return (max(bad, default=-1) + 1) * _WINDOW


def _at(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


@contextmanager
def _watched(worker: psutil.Process) -> Iterator[list[float]]:
    """Note the memory of a worker now and then."""
    readings: list[float] = []
    end = threading.Event()

    def watch() -> None:
        while not end.wait(_LOOK_EVERY):
            readings.append(_memory(worker))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield readings
    finally:
        end.set()
        watching.join()


def _memory(worker: psutil.Process) -> float:
    return float(worker.memory_info().rss) / (1 << 20)
