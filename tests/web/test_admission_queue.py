"""Requests that wait for a slot: which ones get it first, and how a priority is derived."""

import queue
from collections import Counter

import pytest

from receiver.web.middleware.admission_queue import AdmissionQueue
from receiver.web.middleware.request_priority import Priority, PriorityClassifier

CLASSIFIER = PriorityClassifier(lambda header: header == "Bearer good", lambda header: header == "Bearer key")


@pytest.mark.parametrize(
    ("method", "path", "authorization", "has_cookie", "priority"),
    [
        ("POST", "/callback", "Bearer good", False, Priority.VERIFIED_NOTIFICATION),
        ("POST", "/callback/some-app", "Bearer good", False, Priority.VERIFIED_NOTIFICATION),
        ("POST", "/callback", "Bearer new", False, Priority.NOTIFICATION),
        ("POST", "/callback", None, False, Priority.NOTIFICATION),
        ("POST", "/notifications", None, False, Priority.NOTIFICATION),
        ("POST", "/notifications", "Bearer good", False, Priority.NOTIFICATION),
        ("GET", "/callback", "Bearer good", False, Priority.PUBLIC),
        ("GET", "/readyz", None, False, Priority.HEALTH),
        ("GET", "/operations/x", "Bearer key", False, Priority.CLIENT),
        ("GET", "/operations/x", "Bearer made up", True, Priority.PUBLIC),
        ("GET", "/operations/x", None, True, Priority.CLIENT),
        ("GET", "/operations/x", None, False, Priority.PUBLIC),
        ("GET", "/docs", "Bearer key", True, Priority.PUBLIC),
        ("GET", "/static/x/page.js", None, True, Priority.PUBLIC),
        ("POST", "/sign-in", None, False, Priority.PUBLIC),
    ],
)
def test_priority_depends_on_line_and_headers(
    method: str, path: str, authorization: str | None, has_cookie: bool, priority: Priority
) -> None:
    assert CLASSIFIER.classify(method, path, authorization, has_cookie=has_cookie) is priority


class Queue:
    """An admission queue whose rounds are run by hand, with entries that wait without a thread each."""

    def __init__(self) -> None:
        self.now = 100.0
        self.admission_queue = AdmissionQueue(lambda: self.now)
        self._entries: list[tuple[Priority, queue.SimpleQueue[None]]] = []

    def enter(self, priority: Priority, count: int) -> None:
        for _ in range(count):
            turn: queue.SimpleQueue[None] = queue.SimpleQueue()
            self.admission_queue._waiting[priority].append((self.now, turn))
            self._entries.append((priority, turn))

    def next_round(self) -> Counter[Priority]:
        """Run a round; return the number of slots that each priority got."""
        self.admission_queue._admit_round()
        got = [entry for entry in self._entries if not entry[1].empty()]
        self._entries = [entry for entry in self._entries if entry not in got]
        return Counter(priority for priority, _ in got)


def test_round_prefers_notifications() -> None:
    waiting = Queue()
    for priority in Priority:
        waiting.enter(priority, 100)
    got = waiting.next_round()
    assert got == {
        Priority.VERIFIED_NOTIFICATION: 15,
        Priority.NOTIFICATION: 8,
        Priority.HEALTH: 4,
        Priority.CLIENT: 4,
        Priority.PUBLIC: 1,
    }


def test_unused_slots_go_to_lower_priorities() -> None:
    waiting = Queue()
    waiting.enter(Priority.PUBLIC, 60)
    waiting.enter(Priority.NOTIFICATION, 3)
    assert waiting.next_round() == {Priority.NOTIFICATION: 3, Priority.PUBLIC: 29}
    assert waiting.next_round() == {Priority.PUBLIC: 31}


def test_flood_of_a_priority_delays_no_higher_one() -> None:
    waiting = Queue()
    waiting.enter(Priority.PUBLIC, 64)
    waiting.now += 10
    assert waiting.admission_queue.is_full_for_public
    assert not any(
        waiting.admission_queue.is_late(0.1, priority)
        for priority in (Priority.VERIFIED_NOTIFICATION, Priority.NOTIFICATION, Priority.CLIENT)
    )
    waiting.enter(Priority.NOTIFICATION, 1)
    waiting.now += 1
    assert not waiting.admission_queue.is_late(0.6, Priority.VERIFIED_NOTIFICATION), (
        "forged tokens shed verified ones"
    )
    assert waiting.admission_queue.is_late(0.6, Priority.NOTIFICATION)
    assert waiting.admission_queue.is_late(0.3, Priority.CLIENT), "reads give way to notifications"
