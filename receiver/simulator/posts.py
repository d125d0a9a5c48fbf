"""What is posted, and the ways in which a network spoils it: twice, in another order, several at a time.

Pure functions over lists of deliveries; each returns a new list that loses nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from random import Random

from receiver.simulator.chance import happens
from receiver.simulator.notification_bodies import envelope
from receiver.simulator.scenarios import Step
from receiver.simulator.signing_key import JSONObject


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST.

    Attributes:
        delay: seconds since the delivery before.
        steps: what it tells; more than one only where they share an envelope.
    """

    delay: float
    steps: tuple[Step, ...]

    @property
    def envelope(self) -> JSONObject | None:
        """The body as an object; None is an empty body."""
        if len(self.steps) == 1:
            return self.steps[0].envelope
        return envelope(*(item for step in self.steps for item in _items(step)))


def deliveries(steps: Iterable[Step]) -> list[Delivery]:
    """Post every step by itself, as Graph mostly does."""
    return [Delivery(step.delay, (step,)) for step in steps]


def duplicate(sent: Sequence[Delivery], random: Random, *, share: float = 0.3) -> list[Delivery]:
    """Send some again, at once or up to four deliveries later.

    Args:
        sent: the deliveries.
        random: chooses.
        share: the part of them that is sent twice, 0 to 1.
    """
    result = list(sent)
    for delivery in sent:
        if happens(random, share):
            place = result.index(delivery) + 1 + random.randrange(5)
            result.insert(place, replace(delivery, delay=0.1))
    return result


def reorder(sent: Sequence[Delivery], random: Random, *, reach: int = 6) -> list[Delivery]:
    """Change the order, and leave the times as they are.

    Args:
        sent: the deliveries.
        random: chooses.
        reach: how many places one may roughly come late or early.
    """
    places = sorted(range(len(sent)), key=lambda place: place + random.uniform(0, reach))
    return [replace(sent[place], delay=slot.delay) for slot, place in zip(sent, places, strict=True)]


def batch(sent: Sequence[Delivery], size: int) -> list[Delivery]:
    """Put up to `size` notifications into one POST, which goes out when the last of them is due.

    What has no envelope, such as an empty body, goes by itself.
    """
    result: list[Delivery] = []
    for together, group in _runs(sent):
        rest = iter(group)
        while chunk := list(islice(rest, size if together else 1)):
            steps = tuple(step for delivery in chunk for step in delivery.steps)
            result.append(Delivery(sum(delivery.delay for delivery in chunk), steps))
    return result


def _runs(sent: Sequence[Delivery]) -> Iterable[tuple[bool, list[Delivery]]]:
    """Cut into runs of deliveries that can share an envelope, and of those that can't."""
    run: list[Delivery] = []
    for delivery in sent:
        if run and _can_share(run[-1]) != _can_share(delivery):
            yield _can_share(run[-1]), run
            run = []
        run.append(delivery)
    if run:
        yield _can_share(run[-1]), run


def _can_share(delivery: Delivery) -> bool:
    return all(_items(step) for step in delivery.steps)


def _items(step: Step) -> list[JSONObject]:
    value = (step.envelope or {}).get("value")
    return value if isinstance(value, list) else []
