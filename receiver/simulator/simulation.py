"""A run of the simulator: invents calls, applies the chosen disturbances, and sends them at their times."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from threading import Event
from typing import Final, Protocol

from receiver.simulator.notification_sender import Answer, Sender
from receiver.simulator.posts import Post, batch, duplicate, posts_of, reorder
from receiver.simulator.run_statistics import RunStatistics
from receiver.simulator.scenarios import Call, Expectation, invent_call

_BETWEEN_CALLS: Final = 10.0
"""Seconds between two calls, at real speed."""


class Output(Protocol):
    """Shows the progress of a run."""

    def show_post(self, post: Post, answer: Answer) -> None:
        """Show a post and its response."""

    def show_line(self, line: str) -> None:
        """Show a line of text."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run sends.

    Attributes:
        tenant_id: the tenant of the calls.
        app_id: the calling app.
        calls: the number of calls; 0 goes on until stopped.
        speed: how many times faster than real calls; 0 sends without waiting.
        duplicate: send some notifications twice.
        reorder: change their order.
        batch: the most notifications in one POST.
        rotate_key: change the signing key in the middle of the run.
    """

    tenant_id: str
    app_id: str
    calls: int = 3
    speed: float = 20.0
    duplicate: bool = False
    reorder: bool = False
    batch: int = 1
    rotate_key: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run and its components.

    Attributes:
        plan: what to send.
        sender: sends it.
        random: invents it.
        statistics: counts it.
        output: shows it.
        stop: ends the run before its next post when set.
        hint: returns a line to show after a call, about an operation in it; None for no such line.
    """

    plan: Plan
    sender: Sender
    random: Random
    statistics: RunStatistics
    output: Output
    stop: Event
    hint: Callable[[Expectation], str] | None = None

    def play(self) -> None:
        """Send all calls, one after the other, until `stop` is set."""
        for number in count(1):
            self._play_call(number)
            if number == self.plan.calls or self._wait(_BETWEEN_CALLS):
                return

    def _play_call(self, number: int) -> None:
        call = invent_call(self.random, tenant_id=self.plan.tenant_id, app_id=self.plan.app_id)
        self.output.show_line(f"Call {number}  {call.call_id}")
        posts = self._posts(call)
        rotate_at = len(posts) // 2 if number == self._middle_call() else None
        try:
            for place, post in enumerate(posts):
                if self._wait(post.delay):
                    return
                if place == rotate_at:
                    self.sender.rotate_key()
                    self.output.show_line("The issuer signs with a new key from here on")
                answer = self.sender.send(post.envelope, chain_id=call.call_id)
                self.statistics.record(post, answer)
                self.output.show_post(post, answer)
        finally:
            self._finish_call()

    def _finish_call(self) -> None:
        accepted = self.statistics.finish_call()
        if accepted and self.hint:
            self.output.show_line(self.hint(accepted))

    def _posts(self, call: Call) -> list[Post]:
        # A generator of its own, so that a seed gives the same calls with and without disturbances.
        random = Random(call.call_id)  # noqa: S311
        posts = posts_of(call.steps)
        if self.plan.duplicate:
            posts = duplicate(posts, random)
        if self.plan.reorder:
            posts = reorder(posts, random)
        return batch(posts, self.plan.batch)

    def _middle_call(self) -> int | None:
        """Return the number of the call in whose middle the key changes; the first if there is no last."""
        return (self.plan.calls + 1) // 2 or 1 if self.plan.rotate_key else None

    def _wait(self, seconds: float) -> bool:
        """Wait for seconds of the simulated time; return True, at once, if the run is to stop."""
        if self.plan.speed == 0:
            return self.stop.is_set()
        return self.stop.wait(seconds / self.plan.speed)
