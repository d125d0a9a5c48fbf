"""Tones of a call, and notifications of its participants: stored in order, each an event of its own."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.graph.updates import CallUpdate, ParticipantNotification, RosterDelta
from receiver.store.feed import START, Feed
from receiver.store.records import CallRecord
from tests.support.shelf import Shelf
from tests.support.stores import StoreServer
from tests.support.updates import CALL, call


def tone(number: Any, state: str = "established", **more: object) -> CallUpdate:
    return call(state, toneInfo={"sequenceId": number, "tone": f"tone{number}"}, **more)


def record_of(shelf: Shelf) -> CallRecord:
    record, _ = shelf.reader.call(CALL)
    assert record is not None
    return record


def kept(shelf: Shelf) -> list[Any]:
    return [json.loads(text)["sequenceId"] for text in record_of(shelf).tones]


def newest(record: CallRecord) -> Any:
    return json.loads(record.members["toneInfo"])["sequenceId"]


def scrape(shelf: Shelf) -> list[Any]:
    events = Feed(shelf.store_client).wait(START, 0.1).events
    return [newest(event.changed) for event in events if isinstance(event.changed, CallRecord)]


def test_tones_of_one_post_are_all_stored_and_events(shelf: Shelf) -> None:
    assert shelf.keep(*map(tone, (1, 2, 3, 4))) == ["new", "changed", "changed", "changed"]
    assert kept(shelf) == scrape(shelf) == [1, 2, 3, 4]


def test_older_tone_is_an_event_but_does_not_replace_a_newer(shelf: Shelf) -> None:
    shelf.keep(tone(2), tone(10), tone(9))
    assert (kept(shelf), scrape(shelf)) == ([2, 9, 10], [2, 10, 9])
    assert newest(record_of(shelf)) == 10


def test_same_tone_again_counts_once(shelf: Shelf) -> None:
    shelf.keep(tone(1), tone(2))
    assert shelf.keep(tone(1), tone(2)) == ["duplicate"] * 2
    assert (kept(shelf), scrape(shelf)) == ([1, 2], [1, 2])


def test_tone_after_the_end_of_the_call_is_stored(shelf: Shelf) -> None:
    shelf.keep(tone(1), call("terminated"), tone(2))
    record = record_of(shelf)
    assert (record.state, kept(shelf), newest(record)) == ("terminated", [1, 2], 2)


def test_tone_arrives_with_the_update_s_other_members(shelf: Shelf) -> None:
    shelf.keep(call("establishing"), tone(1, "established", direction="incoming"))
    record = record_of(shelf)
    assert (record.state, record.members["direction"], scrape(shelf)) == ("established", '"incoming"', [1])


def test_update_without_a_tone_leaves_the_tones(shelf: Shelf) -> None:
    shelf.keep(tone(1), call("established", toneInfo=None), call("established", toneInfo={"tone": "pound"}))
    assert (kept(shelf), newest(record_of(shelf))) == ([1], 1)


def test_tone_without_a_number_is_a_member(shelf: Shelf) -> None:
    shelf.keep(call("established", toneInfo={"tone": "pound"}))
    assert record_of(shelf).tones == ()
    assert json.loads(record_of(shelf).members["toneInfo"]) == {"tone": "pound"}


def test_numbers_of_tones_may_be_texts_and_64_bits_wide(shelf: Shelf) -> None:
    most = (1 << 63) - 1
    shelf.keep(tone(most), tone(str(most - 1)), tone("7"))
    assert kept(shelf) == ["7", str(most - 1), most]


def test_last_hundred_tones_are_stored(shelf: Shelf) -> None:
    shelf.keep(*map(tone, range(1, 151)))
    assert kept(shelf) == list(range(51, 151))
    assert shelf.keep(tone(50)) == ["duplicate"]
    assert kept(shelf) == list(range(51, 151))


def test_tones_of_a_deleted_call_are_not_events(shelf: Shelf) -> None:
    shelf.keep(tone(1))
    shelf.eraser.delete_call(CALL, within=2)
    assert scrape(shelf) == []


def test_call_with_tones_and_deltas_is_readable_by_0_1_0(shelf: Shelf, store: StoreServer) -> None:
    """During a rolling deploy processes of both versions read the same records."""
    shelf.keep(tone(1), tone(2), RosterDelta(CALL, "tenant", 1, '[{"id":"a"}]'))
    held = json.loads(store.value(f"receiver:{{0}}:call:{CALL}"))
    for name in ("call", "tenant", "status", "times", "first", "updated", "rev", "news", "dups"):
        assert name in held
    assert {name: text for name, (_rank, text) in held["members"].items()} == {
        "toneInfo": '{"sequenceId": 2, "tone": "tone2"}'
    }
    for _, entry in store.stream("receiver:{0}:feed"):
        assert (entry[b"k"], entry[b"r"].decode()) == (b"c", CALL)
        assert int(entry[b"v"])


_numbers = st.lists(st.integers(0, 130), min_size=1, max_size=160)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(numbers=_numbers, data=st.data())
def test_tones_in_any_order_give_the_same_list(
    every_store: StoreServer, every_shelf: Shelf, numbers: list[int], data: st.DataObject
) -> None:
    every_store.client.flushall()
    every_shelf.keep(*map(tone, data.draw(st.permutations(numbers))))
    last = sorted(set(numbers))[-100:]
    assert kept(every_shelf) == last
    assert newest(record_of(every_shelf)) == last[-1]


def test_notifications_of_participants_are_stored_in_order(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf = shelf_of(every_store)
    texts = [f'{{"n":{number}}}' for number in range(120)]
    items = [ParticipantNotification(CALL, "tenant", text) for text in texts]
    assert shelf.keep(*items, notification_id="d") == ["new", *["changed"] * 119]
    assert shelf.keep(*items, notification_id="d") == ["duplicate"] * 120
    assert record_of(shelf).participant_notifications == tuple(texts[-100:])
    assert 0 < every_store.client.ttl(f"receiver:{{0}}:participants:{CALL}") <= 30 * 86400
    assert shelf.eraser.delete_call(CALL, within=2)
    assert not every_store.client.exists(f"receiver:{{0}}:participants:{CALL}")
