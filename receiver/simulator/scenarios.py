"""Whole calls, in the steps in which Graph tells them, and what is to be known of each operation at the end.

Pure: chance and ids come from the `Random` handed in, times are relative, and nothing is sent. Times are
those of real calls: an invitation that nobody answers fails after more than a minute.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from receiver.simulator.chance import happens
from receiver.simulator.invented_people import Person, new_id, somebody, somebody_by_phone
from receiver.simulator.notification_bodies import Shape, envelope, notification, resource, result_info
from receiver.simulator.signing_key import JSONObject
from receiver.simulator.simulated_calls import CallNews
from receiver.simulator.simulated_operations import (
    OTHERS,
    Outcome,
    answered_invite,
    play_prompt,
    record,
    unanswered_invite,
)

_ODD_CONTEXTS: Final = ("order/4711: *{front desk}*", "façade 50% ✓ #7", "a b\tc\nd")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a receiver is to know of an operation when its call is over.

    Attributes:
        client_context: as it is sent; None where the notification has none, null or an empty one.
        call_id: lower-case and dashed, however the URL writes it.
        operation_id: likewise.
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
        delay: seconds since the step before.
        envelope: what is sent; None is an empty body.
        about: what it tells, for people.
        expectation: the operation it belongs to, if it belongs to one.
        final: it brings the operation's result.
    """

    delay: float
    envelope: JSONObject | None
    about: str
    expectation: Expectation | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call and all that is told of it, in order."""

    call_id: str
    steps: tuple[Step, ...]

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What is to be known in the end, an entry for each operation."""
        return tuple(step.expectation for step in self.steps if step.expectation and step.final)


def invent_call(random: Random, *, tenant_id: str, app_id: str) -> Call:
    """Invent a whole call.

    Args:
        random: the same state gives the same call, ids and all.
        tenant_id: the tenant it belongs to.
        app_id: the calling app.

    Returns:
        A call with three to eight operations: an invitation that is answered, a prompt and a recording
        always, one that nobody answers in most calls, and others.
    """
    caller = random.choice([somebody, somebody_by_phone])(random)
    direction = random.choice(["incoming", "incoming", "outgoing"])
    deltas = happens(random, 0.3)
    news = CallNews(random, new_id(random), tenant_id, app_id, caller, direction, sends_deltas=deltas)
    story = _Story(random, news)
    story.begin()
    story.ask_for_operations()
    story.colour()
    story.end()
    return Call(news.call_id, story.steps())


class _Story:
    """Collects the steps of a call at absolute times, and puts them in order at the end."""

    def __init__(self, random: Random, news: CallNews) -> None:
        self._random = random
        self._news = news
        self._people: list[Person] = [news.caller]
        self._told: list[tuple[float, Step]] = []
        self._context = _context_style(random, news.call_id)

    def begin(self) -> None:
        random, news = self._random, self._news
        if news.direction == "incoming" and happens(random, 0.15):
            self._tell(0, news.skype_incoming(), "incoming call, old format")
        if news.direction == "incoming":
            self._tell(0.2, news.incoming(), "call incoming")
        self._tell(1, news.state("establishing"), "call establishing")
        for number, members in enumerate(news.established_members()):
            self._tell(2 + 0.4 * number, news.state("established", **members), "call established")
        self._tell(3.5, news.roster(self._people), "roster")

    def ask_for_operations(self) -> None:
        random = self._random
        makers = [answered_invite, play_prompt, record, *random.sample(OTHERS, random.randint(0, 4))]
        if happens(random, 0.8):
            makers.append(unanswered_invite)
        for number, maker in enumerate(makers):
            asked = 4 + 2.5 * number + random.random()
            self._tell_operation(asked, maker(random))

    def colour(self) -> None:
        """Add what else reaches the same address while operations run."""
        random, news = self._random, self._news
        tones = random.randint(0, 4)
        for sequence in range(1, tones + 1):  # overtaking each other, now and then
            self._tell(random.uniform(5, 25), news.tone(sequence), "tone")
        if happens(random, 0.5):
            self._tell(
                random.uniform(20, 30), news.roster(self._people, muted=news.caller), "roster, one muted"
            )
        if happens(random, 0.3):
            session = f"{random.getrandbits(256):064X}"
            self._tell(random.uniform(6, 15), news.sharing("created", session), "screen shared")
            self._tell(random.uniform(16, 40), news.sharing("deleted", session), "screen no longer shared")
        if happens(random, 0.1):
            self._tell(random.uniform(5, 30), None, "empty body")

    def end(self) -> None:
        last = max(at for at, _ in self._told)
        self._tell(last + 2, self._news.state("terminating"), "call terminating")
        self._tell(last + 3, self._news.deleted(), "call ended")

    def steps(self) -> tuple[Step, ...]:
        ordered = sorted(self._told, key=lambda told: told[0])
        before = [ordered[0][0], *(at for at, _ in ordered)]
        return tuple(
            replace(step, delay=at - earlier) for (at, step), earlier in zip(ordered, before, strict=False)
        )

    def _tell_operation(self, asked: float, outcome: Outcome) -> None:
        """Tell an operation: mostly its result alone, sometimes that it runs, first."""
        random = self._random
        context = self._context()
        expectation = Expectation(
            context or None, self._news.call_id, new_id(random), outcome.type, outcome.status
        )
        if happens(random, 0.25):
            running = self._running(expectation, context)
            self._tell(asked + 0.3, running, f"{outcome.name} running", expectation)
        result, done = self._result(expectation, context, outcome), asked + outcome.after
        self._tell(done, result, f"{outcome.name} {outcome.status}", expectation, final=True)
        if outcome.joined:
            self._people = [*self._people, outcome.joined]
            self._tell(done + random.uniform(-0.3, 0.5), self._news.roster(self._people), "roster")

    def _running(self, expectation: Expectation, context: str | None) -> JSONObject:
        status = self._random.choice(["running", "Running"])
        return self._operation(Shape.draw(self._random), "updated", expectation, context, {"status": status})

    def _result(self, expectation: Expectation, context: str | None, outcome: Outcome) -> JSONObject:
        shape = Shape.draw(self._random)
        members = {**outcome.members, "status": outcome.status}
        if outcome.result:
            members["resultInfo"] = result_info(shape, *outcome.result)
        # The operation object is gone because it has finished: Graph calls that "deleted".
        return self._operation(shape, "deleted", expectation, context, members)

    def _operation(
        self,
        shape: Shape,
        change_type: str,
        expectation: Expectation,
        context: str | None,
        members: JSONObject,
    ) -> JSONObject:
        if context is not None or happens(self._random, 0.5):
            members = {**members, "clientContext": context}
        data = resource(shape, expectation.type, expectation.operation_id, members)
        # By its contract resourceData may be an array for an operation, too.
        listed = happens(self._random, 0.04)
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

    def _tell(
        self,
        at: float,
        envelope: JSONObject | None,
        about: str,
        expectation: Expectation | None = None,
        *,
        final: bool = False,
    ) -> None:
        self._told.append((at, Step(0, envelope, about, expectation, final)))


def _context_style(random: Random, call_id: str) -> Callable[[], str | None]:
    """Choose how the calling app makes its client contexts: well, mostly, and else as apps are seen to do."""

    def fresh() -> str:
        return new_id(random)

    def same_for_the_call() -> str:
        return call_id

    def odd() -> str:
        return f"{random.choice(_ODD_CONTEXTS)} {random.getrandbits(32):08x}"

    def sometimes_missing() -> str | None:
        return random.choice([None, "", new_id(random), new_id(random)])

    return random.choices([fresh, same_for_the_call, odd, sometimes_missing], [7, 1, 1, 1])[0]
