"""The queue of requests before the application: a few begin at a time, by priority, and finish before others begin."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from receiver.supervision import Loop, Supervisor
from receiver.web.middleware.request_priority import Priority

_SLOTS: Final = 32
"""Requests that begin in a round, before others go on: a few hundredths of a second's work."""

_MAX_WAITING: Final = 1000
"""Requests of a priority that wait before further ones are shed: about a second's work of a core."""

_MAX_PUBLIC: Final = 64
"""Unauthenticated requests that wait before further ones are shed. A browser asks for seven files at once."""

_RESERVED_SLOTS: Final = {
    Priority.VERIFIED_NOTIFICATION: 0,
    Priority.NOTIFICATION: 8,
    Priority.HEALTH: 4,
    Priority.CLIENT: 4,
    Priority.PUBLIC: 1,
}
"""Of 32 slots, those that a priority gets even when higher ones could use them all; the rest goes by priority."""


class AdmissionQueue:
    """Lets a few requests begin at a time: by priority, and within a priority in the order of arrival.

    Without it gevent accepts every new request before it continues with those that wait for the store, and under
    overload no request is finished in time.

    Args:
        clock: seconds.
        at_once: the slots of a round.
        name: of its background loop.
        supervisor: runs the loop; by default one of its own.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        at_once: int = _SLOTS,
        name: str = "admission",
        supervisor: Supervisor | None = None,
    ) -> None:
        self._name = name
        self._supervisor = supervisor or Supervisor()
        self._is_running = False
        self._clock = clock
        self._slots = at_once
        self._free_slots = at_once
        self._waiting: tuple[deque[tuple[float, queue.SimpleQueue[None]]], ...] = tuple(
            deque() for _ in Priority
        )
        self._has_work = threading.Event()

    @property
    def is_busy(self) -> bool:
        """Whether the next request has to wait for a slot."""
        return self._free_slots <= 0 or any(self._waiting)

    @property
    def is_full_for_public(self) -> bool:
        """Whether the limit of waiting unauthenticated requests is reached."""
        return len(self._waiting[Priority.PUBLIC]) >= _MAX_PUBLIC

    def is_late(self, seconds: float, priority: Priority) -> bool:
        """Return whether notifications or requests of a priority wait longer than some seconds, or too many wait."""
        if not any(self._waiting):
            return False
        others = {Priority.VERIFIED_NOTIFICATION, min(Priority.NOTIFICATION, priority), priority}
        return any(self._is_one_late(seconds, other) for other in others)

    def wait(self, priority: Priority) -> float:
        """Wait for a slot, and return the time at which the request arrived."""
        arrived = self._clock()
        if not self.is_busy:
            self._free_slots -= 1
            if self._free_slots <= 0:
                self._wake()
            return arrived
        slot: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting[priority].append((arrived, slot))
        self._wake()
        slot.get()
        return arrived

    def _is_one_late(self, seconds: float, priority: Priority) -> bool:
        waiting = self._waiting[priority]
        return bool(waiting) and (self._clock() - waiting[0][0] > seconds or len(waiting) >= _MAX_WAITING)

    def _wake(self) -> None:
        if not self._is_running:
            self._is_running = True
            self._supervisor.start(self._name, self._run)
        self._has_work.set()

    def _run(self, loop: Loop) -> None:
        while True:
            self._has_work.clear()
            time.sleep(0)  # after every greenlet that can go on now
            while any(self._waiting):  # also right at the start: an error may have left requests waiting
                self._admit_round()
                loop.progress()
                time.sleep(0)
            self._free_slots = self._slots
            loop.progress()
            loop.idle()
            self._has_work.wait()
            loop.begin()

    def _admit_round(self) -> None:
        waiting = [len(requests) for requests in self._waiting]
        admitted = [
            min(waiting[priority], reserved * self._slots // _SLOTS)
            for priority, reserved in _RESERVED_SLOTS.items()
        ]
        left = self._slots - sum(admitted)
        for priority in Priority:
            more = min(left, waiting[priority] - admitted[priority])
            left -= more
            for _ in range(admitted[priority] + more):
                self._waiting[priority].popleft()[1].put(None)
