"""Whose turn comes first when requests have to wait, and how a request's rank is judged."""

import queue
from collections import Counter

import pytest

from receiver.web.middleware.admission_queue import AdmissionQueue
from receiver.web.middleware.request_priority import Rank, Ranks

RANKS = Ranks(lambda header: header == "Bearer good", lambda header: header == "Bearer key")


@pytest.mark.parametrize(
    ("method", "path", "authorization", "has_cookie", "rank"),
    [
        ("POST", "/callback", "Bearer good", False, Rank.KNOWN),
        ("POST", "/callback/some-app", "Bearer good", False, Rank.KNOWN),
        ("POST", "/callback", "Bearer new", False, Rank.GRAPH),
        ("POST", "/callback", None, False, Rank.GRAPH),
        ("POST", "/notifications", None, False, Rank.GRAPH),
        ("POST", "/notifications", "Bearer good", False, Rank.GRAPH),
        ("GET", "/callback", "Bearer good", False, Rank.PUBLIC),
        ("GET", "/readyz", None, False, Rank.HEALTH),
        ("GET", "/operations/x", "Bearer key", False, Rank.CLIENT),
        ("GET", "/operations/x", "Bearer made up", True, Rank.PUBLIC),
        ("GET", "/operations/x", None, True, Rank.CLIENT),
        ("GET", "/operations/x", None, False, Rank.PUBLIC),
        ("GET", "/docs", "Bearer key", True, Rank.PUBLIC),
        ("GET", "/static/x/page.js", None, True, Rank.PUBLIC),
        ("POST", "/sign-in", None, False, Rank.PUBLIC),
    ],
)
def test_rank_is_judged_by_line_and_headers(
    method: str, path: str, authorization: str | None, has_cookie: bool, rank: Rank
) -> None:
    assert RANKS.of(method, path, authorization, has_cookie=has_cookie) is rank


class Queue:
    """Turns that are given by hand, to entries that wait without a thread each."""

    def __init__(self) -> None:
        self.now = 100.0
        self.admission_queue = AdmissionQueue(lambda: self.now)
        self._entries: list[tuple[Rank, queue.SimpleQueue[None]]] = []

    def enter(self, rank: Rank, count: int) -> None:
        for _ in range(count):
            turn: queue.SimpleQueue[None] = queue.SimpleQueue()
            self.admission_queue._waiting[rank].append((self.now, turn))
            self._entries.append((rank, turn))

    def next_round(self) -> Counter[Rank]:
        """Give a round of turns; return how many each rank got."""
        self.admission_queue._give_round()
        got = [entry for entry in self._entries if not entry[1].empty()]
        self._entries = [entry for entry in self._entries if entry not in got]
        return Counter(rank for rank, _ in got)


def test_notifications_come_before_everything_else() -> None:
    waiting = Queue()
    for rank in Rank:
        waiting.enter(rank, 100)
    got = waiting.next_round()
    assert got == {Rank.KNOWN: 15, Rank.GRAPH: 8, Rank.HEALTH: 4, Rank.CLIENT: 4, Rank.PUBLIC: 1}


def test_turns_that_no_higher_rank_wants_go_to_the_lower() -> None:
    waiting = Queue()
    waiting.enter(Rank.PUBLIC, 60)
    waiting.enter(Rank.GRAPH, 3)
    assert waiting.next_round() == {Rank.GRAPH: 3, Rank.PUBLIC: 29}
    assert waiting.next_round() == {Rank.PUBLIC: 31}


def test_a_flood_of_one_rank_makes_no_higher_one_late() -> None:
    waiting = Queue()
    waiting.enter(Rank.PUBLIC, 64)
    waiting.now += 10
    assert waiting.admission_queue.public_are_full
    assert not any(
        waiting.admission_queue.are_late(0.1, rank) for rank in (Rank.KNOWN, Rank.GRAPH, Rank.CLIENT)
    )
    waiting.enter(Rank.GRAPH, 1)
    waiting.now += 1
    assert not waiting.admission_queue.are_late(0.6, Rank.KNOWN), "forged tokens do not refuse known ones"
    assert waiting.admission_queue.are_late(0.6, Rank.GRAPH)
    assert waiting.admission_queue.are_late(0.3, Rank.CLIENT), "reads give way to notifications"
