"""A run: calls are invented, spoilt as asked for, and sent in their own time."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from threading import Event
from typing import Final

from receiver.simulator.ledger import Ledger
from receiver.simulator.narrator import Narrator
from receiver.simulator.notification_sender import Sender
from receiver.simulator.posts import Delivery, batch, deliveries, duplicate, reorder
from receiver.simulator.scenarios import Call, Expectation, invent_call

_BETWEEN_CALLS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send.

    Attributes:
        tenant_id: the tenant of the calls.
        app_id: the calling app.
        calls: how many; 0 goes on until stopped.
        speed: how many times faster than real calls; 0 doesn't wait at all.
        duplicate: send some notifications twice.
        reorder: change their order.
        batch: how many notifications share a POST.
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
    """The parts of a run.

    Attributes:
        plan: what to send.
        sender: sends it.
        random: invents it.
        ledger: keeps count.
        narrator: tells it.
        stop: ends the run before its next delivery when set.
        hint: makes the line that is told after a call of an operation in it, if one is wanted.
    """

    plan: Plan
    sender: Sender
    random: Random
    ledger: Ledger
    narrator: Narrator
    stop: Event
    hint: Callable[[Expectation], str] | None = None

    def play(self) -> None:
        """Play all calls, one after the other, or as many as there are before `stop`."""
        for number in count(1):
            self._play_call(number)
            if number == self.plan.calls or self._wait(_BETWEEN_CALLS):
                return

    def _play_call(self, number: int) -> None:
        call = invent_call(self.random, tenant_id=self.plan.tenant_id, app_id=self.plan.app_id)
        self.narrator.say(f"Call {number}  {call.call_id}")
        sent = self._spoilt(call)
        rotate_at = len(sent) // 2 if number == self._middle_call() else None
        try:
            for place, delivery in enumerate(sent):
                if self._wait(delivery.delay):
                    return
                if place == rotate_at:
                    self.sender.rotate_key()
                    self.narrator.say("The issuer signs with a new key from here on")
                answer = self.sender.send(delivery.envelope, chain_id=call.call_id)
                self.ledger.note(delivery, answer)
                self.narrator.delivery(delivery, answer)
        finally:
            self._close_call()

    def _close_call(self) -> None:
        known = self.ledger.close_call()
        if known and self.hint:
            self.narrator.say(self.hint(known))

    def _spoilt(self, call: Call) -> list[Delivery]:
        # Chance of its own, so that a seed gives the same calls whether they are spoilt or not.
        random = Random(call.call_id)  # noqa: S311
        sent = deliveries(call.steps)
        if self.plan.duplicate:
            sent = duplicate(sent, random)
        if self.plan.reorder:
            sent = reorder(sent, random)
        return batch(sent, self.plan.batch)

    def _middle_call(self) -> int | None:
        """Return the number of the call in whose middle the key changes; the first, if there is no last."""
        return (self.plan.calls + 1) // 2 or 1 if self.plan.rotate_key else None

    def _wait(self, seconds: float) -> bool:
        """Wait that long in the time of calls; return at once, and True, if the run is to stop."""
        if self.plan.speed == 0:
            return self.stop.is_set()
        return self.stop.wait(seconds / self.plan.speed)
