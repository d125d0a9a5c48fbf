from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from receiver.simulator.notification_bodies import envelope
from receiver.simulator.posts import Post, batch, duplicate, posts_of, reorder
from receiver.simulator.scenarios import Step


def posts(count: int) -> list[Post]:
    return posts_of(Step(float(n), envelope({"n": n}), f"notification {n}") for n in range(count))


def titles(sent: list[Post]) -> list[str]:
    return [step.title for delivery in sent for step in delivery.steps]


EMPTY = Post(1, (Step(1, None, "empty body"),))
OLD_FORMAT = Post(1, (Step(1, {"callState": "incoming"}, "old format"),))


def test_duplicates_follow_the_first_post() -> None:
    before = posts(200)
    after = duplicate(before, Random(1))
    counts = Counter(titles(after))
    assert set(counts) == set(titles(before))
    assert 20 < sum(count == 2 for count in counts.values()) < 100
    assert max(counts.values()) == 2
    assert list(dict.fromkeys(titles(after))) == titles(before)


def test_a_share_of_one_duplicates_every_post() -> None:
    counts = Counter(titles(duplicate(posts(30), Random(1), share=1)))
    assert set(counts.values()) == {2}


def test_reorder_keeps_all_posts_and_the_times() -> None:
    before = posts(50)
    after = reorder(before, Random(1))
    assert titles(after) != titles(before)
    assert sorted(titles(after)) == sorted(titles(before))
    assert [delivery.delay for delivery in after] == [delivery.delay for delivery in before]


def test_reorder_is_seeded_and_bounded() -> None:
    before = posts(50)
    after = reorder(before, Random(1), reach=3)
    assert titles(after) == titles(reorder(before, Random(1), reach=3))
    places = {about: place for place, about in enumerate(titles(before))}
    assert all(abs(places[about] - place) <= 3 for place, about in enumerate(titles(after)))


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_batch_keeps_all_posts_within_its_size(size: int) -> None:
    before = posts(20)
    after = batch(before, size)
    assert titles(after) == titles(before)
    assert {len(delivery.steps) for delivery in after[:-1]} <= {size}
    assert sum(delivery.delay for delivery in after) == sum(delivery.delay for delivery in before)
    envelopes: list[Any] = [delivery.envelope for delivery in after]
    bodies = [item for envelope in envelopes for item in envelope["value"]]
    assert [item["n"] for item in bodies] == list(range(20))


def test_batch_leaves_bodies_without_envelope_alone() -> None:
    first, second, third, fourth = posts(4)
    after = batch([first, EMPTY, OLD_FORMAT, second, third, fourth], 2)
    assert [len(delivery.steps) for delivery in after] == [1, 1, 1, 2, 1]
    assert after[1].envelope is None
    assert after[2].envelope == {"callState": "incoming"}


@pytest.mark.parametrize("disturb", [lambda d: duplicate(d, Random(1)), lambda d: reorder(d, Random(1))])
def test_an_empty_list_stays_empty(disturb: Callable[[list[Any]], list[Any]]) -> None:
    assert disturb([]) == []
    assert batch([], 3) == []
