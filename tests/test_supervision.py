"""Background loops restart after an unexpected error, and are reported when they make no progress."""

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import pytest

from receiver.supervision import Loop, Supervisor
from tests.support.waiting import until


def fail() -> NoReturn:
    raise KeyError("dups")


def test_loop_that_fails_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    work: queue.Queue[Callable[[], None]] = queue.Queue()
    done = threading.Event()
    failed: list[str] = []

    def run(loop: Loop) -> None:
        while True:
            loop.idle()
            todo = work.get()
            loop.begin()
            todo()
            loop.progress()

    supervisor = Supervisor(failed.append, sleep=lambda _: None)
    with caplog.at_level(logging.ERROR):
        supervisor.start("feed", run)
        work.put(fail)
        work.put(done.set)
        assert done.wait(10)
    until(lambda: supervisor.problems == {})
    assert failed == ["feed"]
    [record] = caplog.records
    assert "background loop feed failed" in record.getMessage()
    assert record.exc_info


def test_loop_that_keeps_failing_is_reported_by_name() -> None:
    pauses: queue.Queue[float] = queue.Queue(maxsize=1)
    ends = threading.Event()

    def run(_: Loop) -> None:
        if not ends.is_set():
            fail()

    supervisor = Supervisor(sleep=pauses.put)
    loop = supervisor.start("feed", run)
    assert [pauses.get(timeout=10) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert "times in a row (KeyError)" in supervisor.problems["feed"]
    ends.set()
    while not loop.has_ended:
        with suppress(queue.Empty):
            pauses.get(timeout=0.01)


def test_loop_without_progress_is_reported_unless_idle() -> None:
    clock, moves = [0.0], queue.Queue[str]()
    moved = threading.Semaphore(0)

    def run(loop: Loop) -> None:
        while True:
            getattr(loop, moves.get())()
            moved.release()

    supervisor = Supervisor(clock=lambda: clock[0])
    supervisor.start("feed", run, patience=10)

    def move(name: str) -> None:
        moves.put(name)
        assert moved.acquire(timeout=10)

    clock[0] = 11
    assert supervisor.problems == {"feed": "The loop has made no progress for 11 s."}
    move("progress")
    assert supervisor.problems == {}
    move("idle")
    clock[0] = 1000
    assert supervisor.problems == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_loop_whose_thread_has_ended_is_reported() -> None:
    def run(_: Loop) -> None:
        raise SystemExit

    supervisor = Supervisor()
    loop = supervisor.start("feed", run)
    assert loop.thread
    loop.thread.join(10)
    assert supervisor.problems == {"feed": "The loop has ended."}


def test_loop_that_returns_is_not_reported() -> None:
    supervisor = Supervisor()
    loop = supervisor.start("feed", lambda _: None)
    assert loop.thread
    loop.thread.join(10)
    assert supervisor.problems == {}


def test_loop_that_failed_and_is_idle_is_reported_for_a_while() -> None:
    clock, failed = [0.0], threading.Event()
    times = iter(range(3))

    def run(loop: Loop) -> None:
        if next(times, None) is not None:
            fail()
        loop.idle()
        failed.set()
        threading.Event().wait()

    supervisor = Supervisor(clock=lambda: clock[0], sleep=lambda _: None)
    supervisor.start("feed", run, patience=10)
    assert failed.wait(10)
    assert "3 times in a row" in supervisor.problems["feed"]
    clock[0] = 11
    assert supervisor.problems == {}
