"""The POSTs of a call, and the disturbances of a network: duplicates, another order, several in one POST.

Pure functions over lists of posts; each returns a new list that contains every notification.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from random import Random

from receiver.simulator.chance import with_probability
from receiver.simulator.notification_bodies import envelope
from receiver.simulator.scenarios import Step
from receiver.simulator.signing_key import JSONObject


@dataclass(frozen=True, slots=True)
class Post:
    """One POST.

    Attributes:
        delay: seconds since the previous post.
        steps: the notifications in it; more than one only if they share an envelope.
    """

    delay: float
    steps: tuple[Step, ...]

    @property
    def envelope(self) -> JSONObject | None:
        """The body as an object; None for an empty body."""
        if len(self.steps) == 1:
            return self.steps[0].envelope
        return envelope(*(item for step in self.steps for item in _items(step)))


def posts_of(steps: Iterable[Step]) -> list[Post]:
    """Return one post for each step, as Graph mostly sends them."""
    return [Post(step.delay, (step,)) for step in steps]


def duplicate(posts: Sequence[Post], random: Random, *, share: float = 0.3) -> list[Post]:
    """Repeat some posts, at once or up to four posts later.

    Args:
        posts: the posts.
        random: chooses.
        share: the share of posts that are sent twice, 0 to 1.
    """
    result = list(posts)
    for post in posts:
        if with_probability(random, share):
            place = result.index(post) + 1 + random.randrange(5)
            result.insert(place, replace(post, delay=0.1))
    return result


def reorder(posts: Sequence[Post], random: Random, *, reach: int = 6) -> list[Post]:
    """Change the order of posts, and keep the times.

    Args:
        posts: the posts.
        random: chooses.
        reach: by how many places a post is early or late, at most roughly.
    """
    places = sorted(range(len(posts)), key=lambda place: place + random.uniform(0, reach))
    return [replace(posts[place], delay=slot.delay) for slot, place in zip(posts, places, strict=True)]


def batch(posts: Sequence[Post], size: int) -> list[Post]:
    """Put up to `size` notifications into one POST, sent when the last of them is due.

    A body without an envelope, such as an empty one, stays alone.
    """
    result: list[Post] = []
    for can_share, run in _runs(posts):
        rest = iter(run)
        while chunk := list(islice(rest, size if can_share else 1)):
            steps = tuple(step for post in chunk for step in post.steps)
            result.append(Post(sum(post.delay for post in chunk), steps))
    return result


def _runs(posts: Sequence[Post]) -> Iterable[tuple[bool, list[Post]]]:
    """Split into runs of posts that can share an envelope, and of those that can't."""
    run: list[Post] = []
    for post in posts:
        if run and _can_share(run[-1]) != _can_share(post):
            yield _can_share(run[-1]), run
            run = []
        run.append(post)
    if run:
        yield _can_share(run[-1]), run


def _can_share(post: Post) -> bool:
    return all(_items(step) for step in post.steps)


def _items(step: Step) -> list[JSONObject]:
    value = (step.envelope or {}).get("value")
    return value if isinstance(value, list) else []
