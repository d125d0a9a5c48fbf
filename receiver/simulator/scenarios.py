"""Whole calls as the notifications that Graph sends, and the expected state of each operation at the end.

Pure: all randomness and ids come from the `Random` argument, times are relative, and nothing is sent. Times are those
of real calls: an unanswered invitation fails after more than a minute.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from receiver.simulator.chance import with_probability
from receiver.simulator.notification_bodies import Shape, envelope, notification, resource, result_info
from receiver.simulator.signing_key import JSONObject
from receiver.simulator.simulated_calls import CallNotifications
from receiver.simulator.simulated_operations import (
    OTHER_OPERATIONS,
    Outcome,
    answered_invite,
    play_prompt,
    record,
    unanswered_invite,
)
from receiver.simulator.simulated_people import Person, invent_phone_user, invent_user, new_id

_ODD_CONTEXTS: Final = ("order/4711: *{front desk}*", "façade 50% ✓ #7", "a b\tc\nd")


@dataclass(frozen=True, slots=True)
class Expectation:
    """The state that a receiver must have of an operation when its call is over.

    Attributes:
        client_context: as sent; None if the notification has none, null or an empty one.
        call_id: the call, lower-case and dashed, whatever its form in the URL.
        operation_id: the operation, in the same form.
        type: Graph's name of the type, without namespace.
        status: `completed` or `failed`.
    """

    client_context: str | None
    call_id: str
    operation_id: str
    type: str
    status: str


@dataclass(frozen=True, slots=True)
class Step:
    """One notification.

    Attributes:
        delay: seconds since the previous step.
        envelope: the body; None for an empty one.
        title: a short description for output.
        expectation: the operation of the notification, if it is about one.
        final: it contains the operation's result.
    """

    delay: float
    envelope: JSONObject | None
    title: str
    expectation: Expectation | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call and its notifications, in order."""

    call_id: str
    steps: tuple[Step, ...]

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """The expected state of each operation at the end."""
        return tuple(step.expectation for step in self.steps if step.expectation and step.final)


def invent_call(random: Random, *, tenant_id: str, app_id: str) -> Call:
    """Invent a whole call.

    Args:
        random: the same state gives the same call, ids and all.
        tenant_id: the tenant it belongs to.
        app_id: the calling app.

    Returns:
        A call with three to eight operations: always an answered invitation, a prompt and a recording, in most
        calls an unanswered invitation, and others.
    """
    caller = random.choice([invent_user, invent_phone_user])(random)
    direction = random.choice(["incoming", "incoming", "outgoing"])
    deltas = with_probability(random, 0.3)
    notifications = CallNotifications(
        random, new_id(random), tenant_id, app_id, caller, direction, sends_deltas=deltas
    )
    timeline = _CallTimeline(random, notifications)
    timeline.add_beginning()
    timeline.add_operations()
    timeline.add_others()
    timeline.add_end()
    return Call(notifications.call_id, timeline.steps())


class _CallTimeline:
    """The steps of a call at absolute times, which are put in order at the end."""

    def __init__(self, random: Random, call: CallNotifications) -> None:
        self._random = random
        self._call = call
        self._people: list[Person] = [call.caller]
        self._steps: list[tuple[float, Step]] = []
        self._context = _context_style(random, call.call_id)

    def add_beginning(self) -> None:
        random, call = self._random, self._call
        if call.direction == "incoming" and with_probability(random, 0.15):
            self._add(0, call.skype_incoming(), "incoming call, old format")
        if call.direction == "incoming":
            self._add(0.2, call.incoming(), "call incoming")
        self._add(1, call.state("establishing"), "call establishing")
        for number, members in enumerate(call.established_members()):
            self._add(2 + 0.4 * number, call.state("established", **members), "call established")
        self._add(3.5, call.roster(self._people), "roster")

    def add_operations(self) -> None:
        random = self._random
        makers = [
            answered_invite,
            play_prompt,
            record,
            *random.sample(OTHER_OPERATIONS, random.randint(0, 4)),
        ]
        if with_probability(random, 0.8):
            makers.append(unanswered_invite)
        for number, maker in enumerate(makers):
            requested_at = 4 + 2.5 * number + random.random()
            self._add_operation(requested_at, maker(random))

    def add_others(self) -> None:
        """Add other notifications that arrive at the same address while operations run."""
        random, call = self._random, self._call
        tones = random.randint(0, 4)
        for sequence in range(1, tones + 1):  # some overtake each other
            self._add(random.uniform(5, 25), call.tone(sequence), "tone")
        if with_probability(random, 0.5):
            self._add(
                random.uniform(20, 30), call.roster(self._people, muted=call.caller), "roster, one muted"
            )
        if with_probability(random, 0.3):
            session = f"{random.getrandbits(256):064X}"
            self._add(random.uniform(6, 15), call.sharing("created", session), "screen shared")
            self._add(random.uniform(16, 40), call.sharing("deleted", session), "screen no longer shared")
        if with_probability(random, 0.1):
            self._add(random.uniform(5, 30), None, "empty body")

    def add_end(self) -> None:
        last = max(at for at, _ in self._steps)
        self._add(last + 2, self._call.state("terminating"), "call terminating")
        self._add(last + 3, self._call.deleted(), "call ended")

    def steps(self) -> tuple[Step, ...]:
        ordered = sorted(self._steps, key=lambda step: step[0])
        before = [ordered[0][0], *(at for at, _ in ordered)]
        return tuple(
            replace(step, delay=at - earlier) for (at, step), earlier in zip(ordered, before, strict=False)
        )

    def _add_operation(self, requested_at: float, outcome: Outcome) -> None:
        """Add an operation: mostly its result alone, sometimes after a `running`."""
        random = self._random
        context = self._context()
        expectation = Expectation(
            context or None, self._call.call_id, new_id(random), outcome.type, outcome.status
        )
        if with_probability(random, 0.25):
            running = self._running(expectation, context)
            self._add(requested_at + 0.3, running, f"{outcome.name} running", expectation)
        result, done = self._result(expectation, context, outcome), requested_at + outcome.after
        self._add(done, result, f"{outcome.name} {outcome.status}", expectation, final=True)
        if outcome.joined:
            self._people = [*self._people, outcome.joined]
            self._add(done + random.uniform(-0.3, 0.5), self._call.roster(self._people), "roster")

    def _running(self, expectation: Expectation, context: str | None) -> JSONObject:
        status = self._random.choice(["running", "Running"])
        return self._operation(Shape.draw(self._random), "updated", expectation, context, {"status": status})

    def _result(self, expectation: Expectation, context: str | None, outcome: Outcome) -> JSONObject:
        shape = Shape.draw(self._random)
        members = {**outcome.members, "status": outcome.status}
        if outcome.result:
            members["resultInfo"] = result_info(shape, *outcome.result)
        # A finished operation no longer exists as an object: Graph calls that "deleted".
        return self._operation(shape, "deleted", expectation, context, members)

    def _operation(
        self,
        shape: Shape,
        change_type: str,
        expectation: Expectation,
        context: str | None,
        members: JSONObject,
    ) -> JSONObject:
        if context is not None or with_probability(self._random, 0.5):
            members = {**members, "clientContext": context}
        data = resource(shape, expectation.type, expectation.operation_id, members)
        # Graph's documentation allows an array as resourceData, for an operation too.
        listed = with_probability(self._random, 0.04)
        return envelope(
            notification(
                shape,
                change_type,
                expectation.call_id,
                "operations",
                expectation.operation_id,
                data=[data] if listed else data,
            )
        )

    def _add(
        self,
        at: float,
        envelope: JSONObject | None,
        title: str,
        expectation: Expectation | None = None,
        *,
        final: bool = False,
    ) -> None:
        self._steps.append((at, Step(0, envelope, title, expectation, final)))


def _context_style(random: Random, call_id: str) -> Callable[[], str | None]:
    """Choose how the calling app makes its client contexts: mostly a new id each, else as some apps do."""

    def fresh() -> str:
        return new_id(random)

    def same_for_the_call() -> str:
        return call_id

    def odd() -> str:
        return f"{random.choice(_ODD_CONTEXTS)} {random.getrandbits(32):08x}"

    def sometimes_missing() -> str | None:
        return random.choice([None, "", new_id(random), new_id(random)])

    return random.choices([fresh, same_for_the_call, odd, sometimes_missing], [7, 1, 1, 1])[0]
