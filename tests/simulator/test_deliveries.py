from collections import Counter
from random import Random

import pytest

from receiver.simulator.notification_bodies import envelope
from receiver.simulator.posts import Delivery, batch, deliveries, duplicate, reorder
from receiver.simulator.scenarios import Step


def posts(count: int) -> list[Delivery]:
    return deliveries(Step(float(n), envelope({"n": n}), f"notification {n}") for n in range(count))


def scrape(sent: list[Delivery]) -> list[str]:
    return [step.about for delivery in sent for step in delivery.steps]


EMPTY = Delivery(1, (Step(1, None, "empty body"),))
OLD_FORMAT = Delivery(1, (Step(1, {"callState": "incoming"}, "old format"),))


def test_duplicates_come_after_the_first_and_nothing_is_lost() -> None:
    before = posts(200)
    after = duplicate(before, Random(1))
    counts = Counter(scrape(after))
    assert set(counts) == set(scrape(before))
    assert 20 < sum(count == 2 for count in counts.values()) < 100
    assert max(counts.values()) == 2
    assert list(dict.fromkeys(scrape(after))) == scrape(before)


def test_a_share_of_one_doubles_everything() -> None:
    counts = Counter(scrape(duplicate(posts(30), Random(1), share=1)))
    assert set(counts.values()) == {2}


def test_reordering_keeps_all_and_the_times() -> None:
    before = posts(50)
    after = reorder(before, Random(1))
    assert scrape(after) != scrape(before)
    assert sorted(scrape(after)) == sorted(scrape(before))
    assert [delivery.delay for delivery in after] == [delivery.delay for delivery in before]


def test_reordering_is_seeded_and_does_not_reach_far() -> None:
    before = posts(50)
    after = reorder(before, Random(1), reach=3)
    assert scrape(after) == scrape(reorder(before, Random(1), reach=3))
    places = {about: place for place, about in enumerate(scrape(before))}
    assert all(abs(places[about] - place) <= 3 for place, about in enumerate(scrape(after)))


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_batch_holds_up_to_its_size_and_loses_nothing(size: int) -> None:
    before = posts(20)
    after = batch(before, size)
    assert scrape(after) == scrape(before)
    assert {len(delivery.steps) for delivery in after[:-1]} <= {size}
    assert sum(delivery.delay for delivery in after) == sum(delivery.delay for delivery in before)
    bodies = [item for delivery in after for item in delivery.envelope["value"]]
    assert [item["n"] for item in bodies] == list(range(20))


def test_what_has_no_envelope_goes_by_itself() -> None:
    first, second, third, fourth = posts(4)
    after = batch([first, EMPTY, OLD_FORMAT, second, third, fourth], 2)
    assert [len(delivery.steps) for delivery in after] == [1, 1, 1, 2, 1]
    assert after[1].envelope is None
    assert after[2].envelope == {"callState": "incoming"}


@pytest.mark.parametrize("spoil", [lambda d: duplicate(d, Random(1)), lambda d: reorder(d, Random(1))])
def test_nothing_to_spoil_is_fine(spoil) -> None:
    assert spoil([]) == []
    assert batch([], 3) == []
